/* What the scripts of the catalog share: the data as the writer of the catalog stores them, and the public functions of each script.
   The numbers of a concept set and of the units may be null, even where this is not said. */

type Attributes = { [name: string]: any };
type Child = any;
type Size = { width: number; height: number };

/** Concepts and operators in turn. */
type Code = number[];
type Literal = { concept: number; negated: boolean };

interface ConceptSet {
  name: string;
  ranges: string[];
  /** Concepts by number: as in the tables, as people read them, and their categories. */
  names: string[];
  shown: string[];
  categories: string[];
  /** Names in quotes, where the tables need them. */
  quoted: { [concept: number]: string };
  category_order: string[];
  formulas: Code[];
  statuses: string[];
  /** Columns of units times ranges; `formula` and `status` are numbers of those above. */
  formula: number[];
  status: number[];
  iou: number[];
  decimals: number[];
  coverage: number[];
  optimal: number[];
  /** The best single concept of each unit and range, and the categories of these concepts. */
  dissection?: { categories: string[]; concept: number[]; iou: number[] };
  verdict?: number[];
  support?: number[][];
  chance_level?: number[];
  q_value?: number[];
  iou_unseen?: number[];
  iou_unseen_low?: number[];
  iou_unseen_high?: number[];
  iou_low?: number[];
  iou_high?: number[];
  share?: number[];
  twin_iou?: number[];
}

/** Columns of all units. */
interface Units {
  layer: number[];
  unit: number[];
  description: string[];
  runner_up: string[];
  score: number[];
  margin: number[];
  status: string[];
  /** Numbers of the pictures of the exemplars. */
  images: number[][];
  annotations?: string[][];
  truths?: string[][];
  topics?: string[][];
}

/** data.js */
interface CatalogData {
  model: string;
  dataset: string;
  explained_above: number;
  opacity: number;
  address: string | null;
  /** Units whose details are in one file. */
  chunk: number;
  /** Steps of outlines in a pixel. */
  steps: number;
  measures: string[];
  verdicts: string[];
  layers: (Size & { name: string })[];
  units: Units;
  concept_sets: ConceptSet[];
  /** Height and width of the images of ranges, by concept set. */
  grids: [number, number][];
  map: boolean;
  /** Number of images and names of sources of labels, by concept set. */
  sources?: [number, string[]][];
}

/** picture, image, quantile, IoU, outlines of range and formula */
type RangeImage = [number, number, number, number, string, string];
type Labels = { range: string; labels: any[][] };

/** A file of units/. */
interface Chunk {
  concept_sets: any[];
  range_images: RangeImage[][][][];
  ids: number[][];
  activations: number[][];
  masks: string[][];
  labels?: Labels[][];
  neighbours?: number[][][][];
  group?: string[];
}

/** map-data.js */
interface MapData {
  x: number[];
  y: number[];
  group: number[];
  groups: string[];
}

/** What the address bar holds: controls, lists of filters, and pages. */
interface State {
  q: string;
  layer: string;
  concepts: string;
  range: string;
  iou: string;
  verdict: string;
  proved: string;
  status: string;
  sort: string;
  asserts: string[];
  negates: string[];
  topics: string[];
  categories: string[];
  detects: string[];
  words: string[];
  between: string[];
  view: string;
  concept: string;
  word: string;
  group: string;
  tint: string;
}

/** The units that fit a state, and how many there would be after one more click. */
interface Chosen {
  results: number[];
  layers: number[];
  concepts: { concept: number; count: number }[];
  /** Place of each unit's range in the columns of the set, or -1. */
  places: Int32Array;
}

/** A unit in one range. */
interface Cell {
  formula: Code | null;
  status: string;
  iou: number;
  decimals: number;
  coverage: number;
  optimal: boolean;
  verdict: string | null;
  support: number[] | null;
}

type Histogram = { minimum: number; maximum: number; zeros: number; counts: number[] };
type Limit = { key: string; low: number; high: number };
type Measure = { label: string; small?: boolean; sentence?: boolean };
type Row = { [column: string]: string | number | boolean | null };
type Change = (part: Partial<State>, options?: { step?: boolean }) => void;
type PickConcept = (concept: number, negated: boolean) => void;
type PickLiteral = (set: ConceptSet, range: string, concept: number, negated: boolean) => void;
type MatrixCell = { count: number; pressed: boolean; title: string; note?: string; pick: () => void };

interface Matrix {
  title: string;
  note: string;
  rows: string[];
  columns: string[];
  cell: (row: number, column: number) => MatrixCell | null;
  level?: keyof HTMLElementTagNameMap;
}

/** What pages of concepts and words can do; `clean` takes all filters away. */
interface Actions {
  back: string;
  address: (part: Partial<State>) => string;
  change: Change;
  clean: Partial<State>;
}

interface PageOptions {
  back: string;
  previous: number | null;
  next: number | null;
  place: string;
  pick: PickLiteral;
  range: string;
}

interface BlockList {
  show: (found: number[], options: { tiles: boolean; heading: ((unit: number) => string) | null }) => void;
  nodeAt: (position: number) => HTMLElement;
}

interface LexiconModules {
  // basics/dom.js
  el<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes, ...children: Child[]): HTMLElementTagNameMap[K];
  svg<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Attributes, ...children: Child[]): SVGElementTagNameMap[K];
  name(text: string, attributes?: Attributes): HTMLElement;
  help(): HTMLButtonElement;
  fixed(value: number, digits?: number): string;
  percent(value: number): string;
  integer(value: number): string;
  short(value: number): string;
  tone(ranges: string[], column: number): string;
  // basics/formulas.js
  literals(code: Code): Literal[];
  literalsOf(set: ConceptSet, formula: number): Literal[];
  assertedOf(set: ConceptSet, formula: number): number[];
  tableText(set: ConceptSet, formula: number): string;
  categoryClass(set: ConceptSet, category: string): string;
  chip(set: ConceptSet, concept: number, options?: {negated?: boolean, share?: number, pick?: PickConcept, tab?: boolean}): HTMLElement;
  formula(set: ConceptSet, code: Code, options?: {support?: number[], pick?: PickConcept, tab?: boolean}): HTMLElement;
  categoriesIn(set: ConceptSet, own?: string[]): string[];
  categoryKeys(set: ConceptSet): HTMLElement;
  // basics/charts.js
  histogram(data: Histogram, ranges: string[], bounds: [number, number][], options: {width: number, height: number, marks?: number[], pick?: (column: number) => void}): Element;
  bar(share: number, tick: number): SVGElement;
  iouBar(value: number, className: string, most: number): SVGElement;
  // basics/chunks.js
  read<T>(address: string, content: () => T): Promise<T>;
  details(unit: number): Promise<{chunk: Chunk, row: number}>;
  layerName(unit: number): string;
  unitName(unit: number): string;
  // basics/pictures.js
  overlay(size: Size, drawn: {veil?: string, outlines?: {path: string, kind: string}[]}): SVGElement;
  picture(image: number, size: Size, alt: string): HTMLElement;
  exemplars(unit: number, captions: boolean): HTMLElement;
  // basics/matrix.js
  matrix(table: Matrix): HTMLElement;
  // unit/trust.js
  MEASURES: { [key: string]: Measure };
  measuresOf(set: ConceptSet): [string, string][];
  valueOf(set: ConceptSet, key: string, unit: number, place: number): number;
  limit(key: string, low: number | string, high: number | string): string;
  readLimit(text: string): Limit;
  limitText(text: string): string;
  trust(set: ConceptSet, unit: number, column: number, bound: number): HTMLElement;
  labels(place: number, found: Labels): HTMLElement;
  truths(unit: number): HTMLElement;
  // unit/entries.js
  filter: string;
  topicAddress(topic: string): string;
  address(unit: number): string;
  cell(set: ConceptSet, unit: number, column: number): Cell;
  chart(set: ConceptSet, unit: number, size: {width: number, height: number, marks?: boolean | number[], pick?: (column: number) => void}): HTMLElement;
  heading(unit: number, tag: keyof HTMLElementTagNameMap): HTMLElement;
  sentence(unit: number, tag: keyof HTMLElementTagNameMap): HTMLElement;
  annotations(unit: number): HTMLElement;
  topics(unit: number): HTMLElement;
  rival(unit: number): HTMLElement;
  legend(set: ConceptSet): HTMLElement;
  entry(unit: number, set: ConceptSet, pick: PickLiteral): HTMLElement;
  // unit/explorer.js
  patterns(): SVGElement;
  kinds(): HTMLElement;
  rangeImages(place: number, images: RangeImage[], range: string): HTMLElement[];
  explorer(place: number, images: RangeImage[], shown: {range: string, tone: string, formula: Node}): HTMLElement;
  // unit/neighbours.js
  mapAddress(marked: {at?: string, group?: string}): string;
  thumbnail(unit: number, said?: {node?: HTMLElement, note?: string}): HTMLElement;
  similar(unit: number, found: number[][][], group: string): HTMLElement;
  // unit/viewer.js
  view(unit: number, rank: number, exemplar: {mask?: string, activation: number, id?: number, chart: (mark: number) => Node}): void;
  // unit/page.js
  page(unit: number, options: PageOptions): HTMLElement;
  // choice/search.js
  setOf(state: Partial<State>): ConceptSet;
  rangeOf(state: Partial<State>): string;
  detectedBy(set: ConceptSet, place: number): number;
  select(state: State): Chosen;
  // choice/overview.js
  figures(state: State, selection: Chosen): HTMLElement[];
  layerBars(state: State, selection: Chosen, change: Change): HTMLElement;
  conceptBars(state: State, selection: Chosen, change: Change): HTMLElement;
  // choice/distributions.js
  distributions(state: State, selection: Chosen, change: Change): HTMLElement[];
  // choice/send.js
  save(kind: string, rows: Row[], parts: string[]): void;
  send(kind: string, set: ConceptSet, range: string, selection: Chosen): void;
  // views/wall.js
  tile(unit: number, set: ConceptSet, place: number): HTMLElement;
  surprises(set: ConceptSet, places: Int32Array): Float64Array;
  // views/concepts.js
  conceptIndex(state: State, places: Int32Array, actions: Actions): HTMLElement;
  conceptPage(state: State, places: Int32Array, actions: Actions): HTMLElement;
  wordIndex(state: State, actions: Actions): HTMLElement;
  wordPage(state: State, places: Int32Array, actions: Actions): HTMLElement;
  // views/map.js
  mapView(state: State, selection: Chosen, actions: {addressOf: (part: Partial<State>) => string, change: Change}): {node: HTMLElement, point: (unit: number) => void};
  // views/rating.js
  ratingPage(state: State, results: number[], back: string): HTMLElement;
  // views/blocks.js
  blockList(container: HTMLElement, render: (unit: number) => HTMLElement): BlockList;
}

interface Window {
  LEXICON_DATA: CatalogData;
  LEXICON_CHUNKS: { [key: string]: Chunk };
  LEXICON_MAP: MapData;
}
