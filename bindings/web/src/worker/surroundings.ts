// What a worker has around it: sockets, timers, chance, and the WebAssembly that the page names.

import type { Socket, SocketEvents, Surroundings } from "./link.ts";

export async function compile(url: string): Promise<WebAssembly.Module> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} gave ${response.status}`);
  return WebAssembly.compile(await response.arrayBuffer());
}

export function surroundings(url: string): Surroundings {
  return {
    connect: (events, protocols) => connect(url, events, protocols),
    after(ms, run) {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    now: () => Date.now(),
    random: () => Math.random(),
  };
}

function connect(url: string, events: SocketEvents, protocols: string[] = []): Socket {
  const socket = new WebSocket(url, protocols);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => events.open();
  socket.onclose = () => events.closed();
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") events.text(data);
    else if (data instanceof ArrayBuffer) events.binary(new Uint8Array(data));
  };
  return {
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    sendBytes(bytes) {
      if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
    },
    waiting: () => socket.bufferedAmount,
    close: () => socket.close(),
  };
}
