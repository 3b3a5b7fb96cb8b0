// Netscope's engine under node, without its page: it reads a prototxt and analyses it.
//
//   git clone https://github.com/dgschwend/netscope && cd netscope
//   npm install coffeescript lodash@4
//   for each in analyzer network caffe/caffe; do npx coffee -b -p src/$each.coffee > src/$each.js; done
//   node benchmarks/netscope.js path/to/netscope path/to/netscope/presets/resnet-50.prototxt
//
// Its sources are compiled beforehand, because compiling them takes longer than analysing a network.

const { readFileSync } = require("fs");
const { resolve } = require("path");

const [folder, network] = process.argv.slice(2).map((each) => resolve(each));
// The sources name one another with their suffix; what is read is the compiled file beside them.
require.extensions[".coffee"] = (module, file) =>
  module._compile(readFileSync(file.replace(/coffee$/, "js"), "utf8"), file);
// What the page gives the engine: lodash, one function of jQuery, and a switch of the address.
globalThis._ = require(`${folder}/node_modules/lodash`);
globalThis.$ = { inArray: (each, list) => list.indexOf(each) };
globalThis.do_variants_analysis = false;

const { nodes } = require(`${folder}/src/caffe/caffe.coffee`).parse(readFileSync(network, "utf8"));
let macs = 0;
let parameters = 0;
for (const { name, type, analysis } of nodes) {
  console.log(name, type, analysis.chOut, analysis.hOut, analysis.wOut, analysis.comp.macc, analysis.mem.param);
  macs += analysis.comp.macc;
  parameters += analysis.mem.param;
}
console.log(`${macs} MACs, ${parameters} parameters`);
