// The worker of a page that shows something: owns the connection, the keys and the encoder.

import { compile, surroundings } from "../worker/surroundings.ts";
import { NOT_SHOWN, type FromSharer, type ToSharer } from "./messages.ts";
import { Show } from "./show.ts";

interface WorkerScope {
  postMessage(message: FromSharer): void;
  onmessage: ((event: MessageEvent<ToSharer>) => void) | null;
}

const scope = self as unknown as WorkerScope;
const post = (message: FromSharer): void => scope.postMessage(message);

let show: Show | undefined;
/** What the page said before the encoder was there. */
let early: ToSharer[] = [];

scope.onmessage = ({ data }) => {
  if (data.type === "start") void start(data);
  else if (show === undefined) early.push(data);
  else handle(show, data);
};

async function start(given: Extract<ToSharer, { type: "start" }>): Promise<void> {
  try {
    const module = await compile(given.wasm);
    const { source, purpose, doors, frames, tenant, token } = given;
    const shown = { source, purpose, doors, pushed: frames !== undefined };
    show = new Show(module, surroundings(given.socket), shown, { tenant, token }, post);
  } catch (e) {
    const message = e instanceof Error ? e.message : String(e);
    post({ type: "status", status: { ...NOT_SHOWN, failed: `Sharing could not be started: ${message}` } });
    return;
  }
  const running = show;
  for (const message of early) handle(running, message);
  early = [];
  if (given.frames !== undefined) void feed(running, given.frames);
}

/** Passes frames on until there are no more. */
async function feed(running: Show, frames: ReadableStream<VideoFrame>): Promise<void> {
  const reader = frames.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      running.frame(value);
    }
  } catch {
    // The page hears from its track that the source is gone.
  }
}

function handle(running: Show, message: ToSharer): void {
  switch (message.type) {
    case "start":
      break;
    case "picture":
      running.picture(message.picture);
      break;
    case "pause":
      running.pause(message.on);
      break;
    case "dismiss":
      running.dismiss(message.joiner);
      break;
    case "reconnect":
      running.reconnect();
      break;
    case "end":
      running.end(message.reason);
      break;
    case "probe":
      running.probe().then(
        (probe) => post({ type: "probe", id: message.id, probe }),
        () => post({ type: "probe", id: message.id, probe: undefined }),
      );
      break;
  }
}
