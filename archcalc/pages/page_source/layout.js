// Where the cards of the graph stand. Each block is laid out by itself, in ranks from top to bottom: every card is below
// all that it takes. An edge over several ranks has a place in each of them; one over very many runs in a lane beside.

const CARD = { width: 216, height: 54 };
const PILL = { width: 216, height: 38 };
const SIDE = 14, HEAD = 38, FOOT = 12;
const LONGEST = 20;
const MOST_PLACES = 4000;

class Box {
  constructor(kind, fields) {
    Object.assign(this, { kind, width: 0, height: 0, rank: 0, x: 0, y: 0, above: [], below: [] }, fields);
  }
}

// Norms, activations and dropout stand on the card of the layer that they follow.
const joins = layer => COLORS[layer.family] === "norm" || COLORS[layer.family] === "activation";

function laidOut(network, container) {
  if (container.box) return container.box;
  const isRoot = container === network.root, owner = new Map();
  const cards = cardsOf(network, container, owner);
  const entries = isRoot
    ? network.inputs.map(([name, shape], i) => new Box("input", { name, shape, source: -2 - i, ...PILL }))
    : [new Box("entry", {})];
  const edges = edgesOf(network, container, owner, entries, isRoot);
  const boxes = [...entries, ...cards, ...edges.exits];
  const ranks = ranked(boxes, edges.pairs);
  const { chains, lanes } = withPlaces(edges.pairs, ranks);
  if (ranks.some(rank => rank.length > 1)) sortRanks(ranks);
  placeAcross(ranks);
  placeDown(ranks, isRoot);
  container.box = finished(boxes, ranks, chains, lanes, isRoot);
  return container.box;
}

function cardsOf(network, container, owner) {
  const cards = [];
  for (const node of container.view) {
    const layer = node.leaf;
    if (layer && joins(layer) && layer.sources.length === 1 && layer.sources[0] >= 0) {
      const card = owner.get(layer.sources[0]), before = network.layers[layer.sources[0]];
      if (card && card.end === before && before.users.length === 1 && !network.outputs.includes(before.index)) {
        card.joined.push(layer);
        card.end = layer;
        owner.set(layer.index, card);
        continue;
      }
    }
    const card = new Box("card", { node, joined: [], end: layer || lastLayer(network, node), ...CARD });
    if (!layer) {
      card.end = lastLayer(network, node);
      if (node.isOpen) {
        card.inner = laidOut(network, node);
        card.width = Math.max(card.inner.width + 2 * SIDE, CARD.width);
        card.height = card.inner.height + HEAD + FOOT;
      }
    }
    for (const index of node.layers) owner.set(index, card);
    cards.push(card);
  }
  return cards;
}

function edgesOf(network, container, owner, entries, isRoot) {
  const seen = new Set(), pairs = [], exits = [];
  const add = (from, to) => {
    from.number ??= ++edgesOf.count;
    to.number ??= ++edgesOf.count;
    const key = `${from.number} ${to.number}`;
    if (from !== to && !seen.has(key)) { seen.add(key); pairs.push([from, to]); }
  };
  const exit = isRoot ? null : new Box("exit", {});
  for (const index of drawnLayers(container)) {
    const layer = network.layers[index], to = owner.get(index);
    if (!to) continue;
    for (const source of layer.sources) {
      const from = owner.get(source) || (isRoot ? entries[-2 - source] : entries[0]);
      if (from) add(from, to);
    }
    const leaves = layer.users.some(user => !owner.has(user)) || network.outputs.includes(index);
    if (!isRoot && leaves) add(to, exit);
  }
  if (exit && exit.number) exits.push(exit);
  if (isRoot) {
    for (const index of network.outputs) {
      const name = network.outputs.length > 1 && index >= 0 ? network.layers[index].name : "output";
      const shape = index >= 0 ? network.layers[index].shape : [];
      const made = new Box("output", { name, shape, source: index, ...PILL });
      const from = owner.get(index) || entries[-2 - index];
      if (from) { add(from, made); exits.push(made); }
    }
  }
  return { pairs, exits };
}
edgesOf.count = 0;

function ranked(boxes, pairs) {
  boxes.forEach((box, order) => { box.order = order; });
  const into = new Map(boxes.map(box => [box, []]));
  for (const [from, to] of pairs) if (from.order < to.order) into.get(to).push(from);
  const ranks = [];
  for (const box of boxes) {
    const least = box.kind === "card" || box.kind === "output" || box.kind === "exit" ? 1 : 0;
    box.rank = into.get(box).reduce((rank, from) => Math.max(rank, from.rank + 1), least);
  }
  const deepest = boxes.reduce((rank, box) => Math.max(rank, box.rank), 0);
  for (const box of boxes) {
    if (box.kind === "exit") box.rank = deepest;
    (ranks[box.rank] ||= []).push(box);
  }
  for (let rank = 0; rank <= deepest; rank++) ranks[rank] ||= [];
  return ranks;
}

// The chain of boxes that each edge passes, with a place in every rank between its ends.
function withPlaces(pairs, ranks) {
  const chains = [], lanes = [];
  let places = 0;
  for (const [from, to] of pairs) {
    const span = to.rank - from.rank - 1;
    if (span < 0) continue;
    if (span > LONGEST || places + span > MOST_PLACES) { lanes.push([from, to]); continue; }
    places += span;
    const chain = [from];
    for (let rank = from.rank + 1; rank < to.rank; rank++) {
      const place = new Box("place", { width: 18, rank });
      ranks[rank].push(place);
      chain.push(place);
    }
    chain.push(to);
    for (let i = 1; i < chain.length; i++) { chain[i - 1].below.push(chain[i]); chain[i].above.push(chain[i - 1]); }
    chains.push(chain);
  }
  return { chains, lanes };
}

// Fewer crossings: the boxes of a rank in the order of the mean place of their neighbours, downwards and upwards.
function sortRanks(ranks) {
  ranks.forEach(rank => rank.forEach((box, i) => { box.position = i; }));
  for (let sweep = 0; sweep < 6; sweep++) {
    const isDown = sweep % 2 === 0, order = isDown ? ranks.slice(1) : ranks.slice(0, -1).reverse();
    for (const rank of order) {
      if (rank.length < 2) continue;
      rank.forEach((box, i) => {
        const near = isDown ? box.above : box.below;
        const mean = near.reduce((sum, each) => sum + (each.position + 0.5) / ranks[each.rank].length, 0) / near.length;
        box.mean = (near.length ? mean : (i + 0.5) / rank.length) + (box.kind === "place" ? 0.001 : 0);
      });
      rank.sort((a, b) => a.mean - b.mean);
      rank.forEach((box, i) => { box.position = i; });
    }
  }
}

// Each rank as near as possible to what its boxes want, without overlap: weighted isotonic regression.
function spread(rank, wanted) {
  const groups = [];
  let offset = 0;
  rank.forEach((box, i) => {
    const before = rank[i - 1];
    if (before) offset += (before.width + box.width) / 2 + (before.kind === "place" && box.kind === "place" ? 4 : 24);
    box.offset = offset;
    const weight = box.kind === "place" ? 0.5 : 2;
    groups.push({ sum: (wanted(box) - offset) * weight, weight, boxes: [box] });
    while (groups.length > 1) {
      const last = groups[groups.length - 1], previous = groups[groups.length - 2];
      if (previous.sum / previous.weight <= last.sum / last.weight) break;
      previous.sum += last.sum;
      previous.weight += last.weight;
      previous.boxes.push(...last.boxes);
      groups.pop();
    }
  });
  for (const group of groups) for (const box of group.boxes) box.x = group.sum / group.weight + box.offset;
}

function placeAcross(ranks) {
  for (const rank of ranks) {
    if (rank.length === 1) { rank[0].x = 0; continue; }
    spread(rank, () => 0);
    const middle = rank.length ? (rank[0].x + rank[rank.length - 1].x) / 2 : 0;
    for (const box of rank) box.x -= middle;
  }
  if (ranks.every(rank => rank.length < 2)) return;
  for (let sweep = 0; sweep < 8; sweep++) {
    for (const rank of sweep % 2 ? [...ranks].reverse() : ranks) {
      spread(rank, box => {
        const near = sweep % 2 ? box.below : box.above, cards = near.filter(each => each.kind !== "place");
        if (!near.length || (box.kind === "place" && cards.length)) return box.x;
        const xs = (box.kind === "place" || !cards.length ? near : cards).map(each => each.x).sort((a, b) => a - b);
        return (xs[(xs.length - 1) >> 1] + xs[xs.length >> 1]) / 2;
      });
    }
  }
}

function placeDown(ranks, isRoot) {
  let y = isRoot ? 14 : 4;
  ranks.forEach((rank, i) => {
    const height = rank.reduce((most, box) => Math.max(most, box.height), 0);
    for (const box of rank) { box.y = y + (height - box.height) / 2; box.top = y; box.bottom = y + height; }
    const next = ranks[i + 1] || [];
    y += height + (height === 0 ? 16 : rank.length > 1 || next.length > 1 ? 36 : 26);
  });
}

function finished(boxes, ranks, chains, lanes, isRoot) {
  let left = Infinity, right = -Infinity, bottom = 0;
  for (const rank of ranks) {
    for (const box of rank) {
      left = Math.min(left, box.x - box.width / 2);
      right = Math.max(right, box.x + box.width / 2);
      bottom = Math.max(bottom, box.bottom);
    }
  }
  const shift = -left;
  for (const rank of ranks) for (const box of rank) box.x += shift;
  const edges = chains.map(chain => ({ from: chain[0], to: chain[chain.length - 1], path: curve(chain) }));
  let width = right - left;
  width = Math.max(width, withLanes(lanes, edges, width));
  const most = Math.max(width, CARD.width);
  return { boxes: boxes.filter(box => box.kind !== "entry" && box.kind !== "exit"), edges, width: most, height: bottom + (isRoot ? 14 : 0) };
}

// Long edges, each in the innermost lane on the right that is free over its length.
function withLanes(lanes, edges, width) {
  const ends = [];
  for (const [from, to] of lanes.sort((a, b) => a[0].rank - b[0].rank || a[1].rank - b[1].rank)) {
    let lane = ends.findIndex(rank => rank <= from.rank);
    if (lane < 0) lane = ends.length;
    ends[lane] = to.rank;
    const x = width + 16 + 9 * lane, y0 = from.y + from.height, y1 = to.y;
    const x0 = from.x + from.width / 4, x1 = to.x + to.width / 4;
    const path = `M${x0} ${y0}C${x0} ${y0 + 18} ${x} ${y0 + 4} ${x} ${y0 + 24}V${y1 - 24}C${x} ${y1 - 4} ${x1} ${y1 - 18} ${x1} ${y1}`;
    edges.push({ from, to, path, y0, y1 });
  }
  return ends.length ? width + 24 + 9 * ends.length : 0;
}

function curve(chain) {
  const points = [];
  chain.forEach((box, i) => {
    const isPlace = box.kind === "place";
    if (i > 0) points.push([box.x, isPlace ? box.top : box.y]);
    if (i < chain.length - 1) points.push([box.x, isPlace ? box.bottom : box.y + box.height]);
  });
  let path = `M${points[0].map(n => n.toFixed(1)).join(" ")}`;
  for (let i = 1; i < points.length; i++) {
    const [x0, y0] = points[i - 1], [x, y] = points[i], half = ((y0 + y) / 2).toFixed(1);
    path += Math.abs(x - x0) < 0.5
      ? `V${y.toFixed(1)}`
      : `C${x0.toFixed(1)} ${half} ${x.toFixed(1)} ${half} ${x.toFixed(1)} ${y.toFixed(1)}`;
  }
  return path;
}

// All that is drawn, in absolute places: blocks before what is in them.
function flattened(box, x, y, depth, found) {
  for (const edge of box.edges) {
    const top = edge.from.y + edge.from.height, bottom = edge.to.y;
    found.push({ kind: "edge", edge, x, y, depth, top: y + Math.min(top, bottom), bottom: y + Math.max(top, bottom) });
  }
  for (const each of box.boxes) {
    const left = x + each.x - each.width / 2, top = y + each.y;
    found.push({ kind: each.inner ? "block" : each.kind, box: each, x: left, y: top, depth, top: top - 8, bottom: top + each.height });
    if (each.inner) {
      const inset = (each.width - each.inner.width) / 2;
      flattened(each.inner, left + inset, top + HEAD, depth + 1, found);
    }
  }
  return found;
}
