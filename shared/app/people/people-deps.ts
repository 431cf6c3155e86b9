import type { ClaimsSource } from "../../core/ports/claims-source.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Exclusive } from "../../db/held-lease.ts";
import type { UnitOfWork } from "../../db/unit-of-work.types.ts";
import type { Logger } from "../../lib/logger.ts";
import type { SecretBox } from "../../lib/secret-box.ts";
import type { GrantRules } from "./grants-of.ts";

/** What the use cases about people work with. */
export interface PeopleDeps {
  readonly uow: UnitOfWork;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly rules: GrantRules;
  readonly claimsSource: ClaimsSource;
  /** Seals refresh tokens before they are stored. */
  readonly secretBox: SecretBox;
  /**
   * Runs a work while no other process runs one of the same name. A refresh token may be good for one use, so two that use it
   * at once would cost the person their access.
   */
  readonly exclusive: Exclusive;
  /** Ends every browser session of somebody who lost access. */
  readonly endSessions: (subject: string) => Promise<unknown>;
}
