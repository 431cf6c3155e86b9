import { fileURLToPath, pathToFileURL } from "node:url";

/** Folder of the whole project. */
export const projectRoot = fileURLToPath(new URL("../../", import.meta.url));

/** Absolute path of something in the project. */
export function inProject(path: string): string {
  return fileURLToPath(new URL(path, pathToFileURL(projectRoot)));
}

/** A module of the built product, e.g. `shared/core/deploy-order.js`: what runs in production is what is measured. */
export async function importBuilt<T>(path: string): Promise<T> {
  // The edge where types meet the build: the caller names the type of the source this file was built from.
  return (await import(pathToFileURL(inProject(`dist/${path}`)).href)) as T;
}

/** A module of the peers' own folder, which has its own lock file. */
export async function importPeer<T>(path: string): Promise<T> {
  return (await import(pathToFileURL(inProject(`shared/bench/peers/${path}`)).href)) as T;
}
