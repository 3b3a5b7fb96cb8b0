// Python in a thread of its own: it starts once, then answers one spec after the other.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const started = (async () => {
  const [python, archive] = await Promise.all([
    loadPyodide({ indexURL: new URL("pyodide/", import.meta.url).href }),
    fetch("archcalc.zip").then(answer => answer.arrayBuffer()),
  ]);
  python.unpackArchive(archive, "zip", { extractDir: "/archcalc" });
  python.runPython("import sys; sys.path.insert(0, '/archcalc')");
  return python.pyimport("archcalc.pages.playground");
})();

started.then(() => postMessage({ ready: true }), error => postMessage({ failed: String(error) }));

onmessage = async ({ data: { number, call, given } }) => {
  const module = await started, began = performance.now();
  try {
    postMessage({ number, value: module[call](...given), milliseconds: performance.now() - began });
  } catch (error) {
    postMessage({ number, value: JSON.stringify({ problem: String(error), places: [] }), milliseconds: performance.now() - began });
  }
};
