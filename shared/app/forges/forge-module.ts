import type { Clock } from "../../core/ports/clock.ts";
import type { ScmProvider } from "../../core/ports/scm.ts";
import type { UnitOfWork } from "../../db/unit-of-work.types.ts";
import type { Logger } from "../../lib/logger.ts";
import { createForgeEars, type ForgeEar } from "./hear-forge.ts";

/** What goes on between us and the forges without being asked. */
export interface ForgeModule {
  /** Takes their calls, by kind of provider. */
  readonly ears: ReadonlyMap<string, ForgeEar>;
}

/** Wires it. */
export function createForgeModule(
  deps: { readonly uow: UnitOfWork; readonly clock: Clock; readonly logger: Logger },
  scms: readonly ScmProvider[],
): ForgeModule {
  return { ears: createForgeEars(deps, scms) };
}
