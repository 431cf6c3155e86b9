import { setMaxListeners } from "node:events";

/** A signal that aborts with this one, and that everything a call starts may listen to; that many are no leak. */
export function manyListeners(...signals: readonly AbortSignal[]): AbortSignal {
  const own = AbortSignal.any([...signals]);
  setMaxListeners(0, own);
  return own;
}
