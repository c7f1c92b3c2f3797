// What becomes of a session when its page is left.

/**
 * Calls `leave` when the page is left; not every browser lets its word out. A browser may keep the page to come back to, with a
 * worker that stands still and a connection that does not close: the worker is ended then, and the page begins anew.
 */
export function onLeaving(leave: () => void, worker: () => Worker | undefined): void {
  addEventListener("pagehide", (e) => {
    leave();
    if (e.persisted) worker()?.terminate();
  });
  addEventListener("pageshow", (e) => {
    if (e.persisted) location.reload();
  });
}
