// The worker: owns the connection, the decoder and the canvas, so that the page stays responsive whatever arrives.

import type { FromWorker, ToWorker } from "../messages.ts";
import { Av1, browserChoices } from "./av1/av1.ts";
import { ModuleAv1 } from "./av1/module.ts";
import { Session } from "./session.ts";
import { compile, surroundings } from "./surroundings.ts";

interface WorkerScope {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

const scope = self as unknown as WorkerScope;
const post = (message: FromWorker, transfer: Transferable[] = []): void =>
  scope.postMessage(message, transfer);

/** How often the page gets new figures. */
const STATS_MS = 500;

let session: Session | undefined;
/** What the page asked for before the decoder was there. */
let early: ToWorker[] = [];

scope.onmessage = ({ data }) => {
  if (data.type === "start") void start(data);
  else if (session === undefined) early.push(data);
  else handle(session, data);
};

async function start(given: Extract<ToWorker, { type: "start" }>): Promise<void> {
  try {
    const choices = browserChoices(given.av1Decoders, async () => new ModuleAv1(await compile(given.av1)));
    const av1 = new Av1(choices);
    const module = await compile(given.wasm);
    session = new Session(module, given, av1, surroundings(given.socket), post);
    av1.prepare();
  } catch (e) {
    post({
      type: "broken",
      message: `The decoder could not be started: ${e instanceof Error ? e.message : String(e)}`,
    });
    return;
  }
  const running = session;
  for (const message of early) handle(running, message);
  early = [];
  setInterval(() => {
    running.tick();
    post({ type: "stats", stats: running.stats() });
  }, STATS_MS);
}

function handle(session: Session, message: ToWorker): void {
  switch (message.type) {
    case "start":
      break;
    case "join":
      session.join(message.key, message.who, message.credentials);
      break;
    case "join-by-link":
      session.joinByLink(message.link, message.key, message.who, message.purpose, message.tenant);
      break;
    case "ask":
      session.ask(message.visitor, message.pass, message.purpose, message.token);
      break;
    case "pass":
      post({ type: "pass", id: message.id, pass: session.readPass(message.file) });
      break;
    case "leave":
      session.leave();
      break;
    case "reconnect":
      session.reconnect();
      break;
    case "rest":
      session.rest(message.on);
      break;
    case "draw":
      session.draw(message.mark);
      break;
    case "focus":
      session.focus(message.rect);
      break;
    case "mark":
      session.mark(message.on);
      break;
    case "snapshot":
      answer(session.snapshot(), (png) => post({ type: "snapshot", id: message.id, png }));
      break;
    case "probe":
      answer(session.probe(), (probe) => post({ type: "probe", id: message.id, probe }));
      break;
  }
}

/** Answers in any case, with nothing where it failed. */
function answer<T>(work: Promise<T | undefined>, reply: (result: T | undefined) => void): void {
  work.then(reply, () => reply(undefined));
}
