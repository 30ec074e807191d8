// Types for the scripts: what they find on the window, the events by which they talk, and the JSON of our routes.

interface Window {
  /** Set in shell/main.js: what Gradio's handlers and the tests may call. */
  FactStudio: any;
  /** The library that draws charts, fetched by train/plotly.js. */
  Plotly: any;
}

interface DocumentEventMap {
  "fs:page": CustomEvent<string>; // another page is shown
  "fs:offline": CustomEvent<boolean>; // the program does not answer, or does again
  "fs:theme": CustomEvent<boolean>; // dark, or light
  "fs:backbone": CustomEvent<string>; // the person chose a backbone
  "fs:select": CustomEvent; // the Select page is asked for check images: app.wish.checks
  "fs:label": CustomEvent; // the Label page is asked for an image: app.wish.image or .open
  "fs:map": CustomEvent<any>; // a map was made
}

/** What is wrong, what was found, what to do: the body of every answer that is no success. */
interface Problem {
  what: string;
  found?: string;
  do?: string;
  status?: number;
}

// ---- /x/KEY/state, and what of it /x/app tells where no project is open (app/routes/state.py)
interface State {
  version: string;
  full?: boolean; // the disk
  problem?: Problem;
  project: { key: string; id: string; name: string; images: string; folder: string } | null;
  counts: Counts | null;
  classes: ClassRow[];
  selection: Chosen | null;
  labels: LabelCounts | null;
  runs: Run[];
  run: Run | null;
  map?: { kind: string; key: string } | null;
  steps: Step[];
  device?: string;
  device_note?: string;
}

interface Counts {
  files: number;
  pool: number;
  excluded: number;
  duplicates: number;
  unreadable: number;
  missing: number;
  bytes: number;
  sizes: [number, number][];
}

interface LabelCounts {
  picks: number;
  checks: number;
  picks_done: number;
  checks_done: number;
  skipped: number;
  total: number;
  trained: boolean;
  pace: number | null;
}

interface Step {
  key: string;
  title: string;
  fact: string;
  state: "done" | "begun" | "todo";
}

interface Chosen {
  id: number;
  strategy: string;
  picks: number;
  checks: number;
  seconds: number;
  backbone: string;
  config: any;
  created: number;
  mark: string;
  changed: number;
}

interface Run {
  id: number;
  number: number | null;
  kind: string;
  status: "queued" | "running" | "done" | "stopped" | "failed";
  reason: string;
  config: any;
  recipe: string | null;
  backbone: string | null;
  created: number;
  started: number | null;
  ended: number | null;
  seconds: number | null;
  stopping: boolean;
  progress: Progress | null;
  accuracy: number | null;
  interval: [number, number] | null;
  result: any;
}

interface Progress {
  step: string;
  done: number;
  total: number;
  unit: string;
  rate: number;
  seconds_left: number | null;
}

// ---- labels (app/routes/queue.py, app/routes/classes.py, app/pages/label/routes.py)
interface ClassRow {
  id: number;
  name: string;
  colour: number;
  key: string;
  count: number;
  other: boolean;
}

type Role = "pick" | "audit" | null;

/** What was said of an image. */
interface Answer {
  kind: "label" | "skip" | "flag" | "exclude" | "none" | "";
  class: number | null;
}

/** An image of the queue. ``at``: its place there, -1 beside it. */
interface Entry {
  id: number;
  path: string;
  w: number;
  h: number;
  note: string;
  copies?: string[]; // files with the same bytes
  role: Role;
  source?: "" | "by hand";
  state?: string;
  class?: number | null;
  at?: number;
}

/** POST /x/KEY/choice: ids are picks now; so many others are left as they are, and why. */
interface AddedByHand {
  ids: number[];
  chosen: number;
  check: number;
  beside_check: number;
  answered: number;
  left_out: number;
  unknown: number;
  queue: any;
}

/** One op on its way: the body of POST /x/KEY/ops holds {client, ops, project}, which is the project's identity. */
interface Op {
  seq?: number;
  kind: "label" | "skip" | "flag" | "exclude" | "clear" | "undo" | "redo";
  item: number;
  class_id?: number | null;
  lead_time?: number | null;
  source?: string;
  batch?: number;
  annotator?: string;
  was?: number; // the class that the image had here, 0 for none
}

/** What lies in localStorage of one window: ops that wait, and those that were refused, with the reason. */
interface Left {
  project: string;
  ops: Op[];
  refused: { op: Op; words: string }[];
}

/** The answer of POST /x/KEY/ops. */
interface OpsAnswer {
  last_seq: number;
  states: Record<string, Answer>;
  classes?: ClassRow[];
  over?: Over; // labels that another window gave meanwhile, and that these ops have taken the place of
}

/** By image: the label that was there, and how many ops on it have to be undone to have it back. */
type Over = Record<string, Answer & { rows: number }>;

// ---- the review of answers (assets/review, app/pages/results/review.py)
interface ReviewFilter {
  run: number;
  than: number;
  said: string;
  label: string;
  is: string;
  split: string;
  from: number;
  to: number;
  find: string;
  list: string;
  by: string;
  image: number;
}

/** /x/KEY/review, a row an image; said and truth are places in classes. */
interface ReviewColumns {
  n: number;
  kind: string;
  model: number;
  classes: string[];
  ids: Int32Array;
  rows: Map<number, number>;
  rank: Int32Array;
  said: Uint16Array;
  sure: Uint16Array;
  truth: Uint16Array;
  part: Uint8Array;
}

/** The same with the labels of now. */
interface ReviewView extends ReviewColumns {
  labeled: Uint8Array;
  doubt?: Uint16Array; // how much the label is doubted, see assets/review/suspects.js
}

/** /x/KEY/look */
interface Look {
  id: number;
  path: string;
  w: number;
  h: number;
  top: [string, number][];
  near: { id: number; name: string; alike: number }[] | null;
}

// ---- /x/KEY/finish (app/pages/results/finish.py)
interface Finishing {
  run: number;
  images: number;
  person: number;
  aside: number;
  accepted: number;
  open: number;
  strange: number;
  checks: number;
  leaks: number;
  unlike: number;
  refused: number;
  left_out: number;
  gone: number;
  imported: number;
  look: number;
  chance: number;
  best: number;
  goals: GoalAsked[];
  splits: SplitAsked[];
  classes: { id: number; open: number; checks: number }[]; // images that the model takes for a class
  step: AcceptedStep | null;
  again: AcceptedStep | null;
  seconds: number | null;
}

interface GoalAsked {
  goal: number;
  takes: number;
  asked: number | null; // how many images can be accepted, once the check images were asked
  checks: number;
  wrong: number;
  lacks: number | null;
  needs: number | null;
  then: number;
  before: { run: number; number: number; able: number } | null;
}

/** What was said where classes have goals of their own. */
interface SplitAsked {
  goal: number;
  asked: number;
  checks: number;
  wrong: number;
  parts: { class_id: number; goal: number; able: number; checks: number; wrong: number }[];
}

interface AcceptedStep {
  id: number;
  images: number;
  goal: number;
  run: number;
  older: boolean;
  own: Record<number, number>;
}

// ---- /x/backbones (app/routes/backbones.py)
interface Backbone {
  name: string;
  title: string;
  help: string;
  parameters: number;
  licence: string;
  published: string;
  conditions: string;
  unfit: string[]; // recipes that cannot train it
  listed: boolean;
  seconds_per_image: number;
  ready: boolean;
  detail: string;
  bytes: number;
  own: boolean;
  busy: boolean;
  percent: number | null;
  file: string;
  failed: string;
  words: { ready: boolean; detail: string; bytes: number; busy: boolean; failed: string } | null; // its text side
}

interface Backbones {
  backbones: Backbone[];
  busy: boolean;
  recommended: string;
  reason: "paper" | "strong" | "here";
  proposed: string;
  finding: boolean;
  not_found: string;
}

// ---- /x/options/KIND
interface Field {
  name: string;
  type: "int" | "float" | "bool" | "str";
  title: string;
  help: string;
  default: any;
  low: number | null;
  high: number | null;
  expert: boolean;
  choices: FieldChoice[] | null;
  within?: number[]; // of check images: within how many points 1, 2, 3 ... of them tell an accuracy
}

interface FieldChoice {
  value: string;
  title: string;
  help: string;
  most?: number;
  needs_labels?: boolean;
}

// ---- the map: what loadPicture() makes of /x/KEY/map (app/routes/maps.py)
interface Picture {
  kind: string;
  key: string;
  n: number;
  ids: Int32Array;
  rows: { get(id: number): number | undefined };
  xy: Float32Array;
  width: number;
  height: number;
  nearest: (x: number, y: number, radius: number, allowed: ((row: number) => boolean) | null) => number;
}

interface Mark {
  id?: number;
  shape: string;
  colour?: string;
  form?: string;
}

// ---- the charts of a training run, as /x/KEY/chart tells them (app/pages/train/plots.py)
interface Figure {
  data: any[];
  layout: any;
}
