// The worker of the camera's page: owns the connection, the keys and the encoder.

import { compile, surroundings } from "../worker/surroundings.ts";
import { NO_CAMERA, type FromCamera, type ToCamera } from "./messages.ts";
import { CameraShare } from "./share.ts";

interface WorkerScope {
  postMessage(message: FromCamera): void;
  onmessage: ((event: MessageEvent<ToCamera>) => void) | null;
}

const scope = self as unknown as WorkerScope;
const post = (message: FromCamera): void => scope.postMessage(message);

let share: CameraShare | undefined;

scope.onmessage = ({ data }) => {
  if (data.type === "start") void start(data);
  else if (share !== undefined) handle(share, data);
};

async function start(given: Extract<ToCamera, { type: "start" }>): Promise<void> {
  const failed = (message: string): void => post({ type: "status", status: { ...NO_CAMERA, phase: "failed", failed: message } });
  let module: WebAssembly.Module;
  try {
    module = await compile(given.wasm);
  } catch (e) {
    failed(`The page could not be loaded whole (${e instanceof Error ? e.message : String(e)}). Reload it.`);
    return;
  }
  try {
    share = new CameraShare(module, surroundings(given.socket), given, given.codecs, post);
  } catch {
    failed("The link is not whole. Open it from the message again, or ask for a new one.");
  }
}

function handle(running: CameraShare, message: ToCamera): void {
  switch (message.type) {
    case "start":
      break;
    case "answer":
      void running.answer(message.allow);
      break;
    case "frames":
      void running.frames(message.frames);
      break;
    case "frame":
      running.frame(message.frame);
      break;
    case "blocked":
      running.blocked(message.on);
      break;
    case "pause":
      running.pause(message.on);
      break;
    case "reconnect":
      running.reconnect();
      break;
    case "end":
      running.end(message.reason);
      break;
    case "probe":
      post({ type: "probe", id: message.id, probe: running.probe });
      break;
  }
}
