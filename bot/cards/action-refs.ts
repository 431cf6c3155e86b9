import { z } from "zod";
import { defineActionRef } from "../chat/define-command.ts";
import { quoteWord } from "./wording.ts";

/**
 * Everything a card can offer to press. Payloads name their thing `release`, `deployment` or `environment`, so that two clicks
 * on one thing are served one after the other.
 */
const number = z.number().int().positive();
const name = z.string().min(1).max(200);
const names = z.array(name).max(1_000);

/** Its form asks for `source`, `destination`, `repositories` and `notes`. */
export const createRelease = defineActionRef(
  "release.create",
  z.object({}),
  () => "create-release <source> <destination>",
);

export const showRelease = defineActionRef(
  "release.show",
  z.object({ release: number }),
  ({ release }) => `release ${release}`,
);

export const refreshRelease = defineActionRef(
  "release.refresh",
  z.object({ release: number }),
  ({ release }) => `refresh ${release}`,
);

/** `fingerprint` is what the person sees; another content is never signed by this click. */
export const signOff = defineActionRef(
  "release.sign_off",
  z.object({ release: number, role: name, fingerprint: z.string() }),
  ({ release, role }) => `approve ${release} as ${quoteWord(role)}`,
);

/** Its form asks for `reason`. */
export const rejectRelease = defineActionRef(
  "release.reject",
  z.object({ release: number }),
  ({ release }) => `reject ${release} -m "…"`,
);

/** Its form asks for `reason`. */
export const closeRelease = defineActionRef(
  "release.close",
  z.object({ release: number }),
  ({ release }) => `close ${release} -m "…"`,
);

/** Its form asks for `text`. */
export const editNotes = defineActionRef(
  "release.edit_notes",
  z.object({ release: number, field: z.enum(["notes", "breaking"]) }),
  ({ release, field }) => `${field} ${release} "…"`,
);

export const planDeployment = defineActionRef(
  "deployment.plan",
  z.object({ release: number, environment: name.optional() }),
  ({ release, environment }) => `plan ${release}${to(environment)}`,
);

/** `fingerprint` is what the person sees; a click on an outdated card deploys nothing. */
export const requestDeployment = defineActionRef(
  "deployment.request",
  z.object({ release: number, environment: name.optional(), fingerprint: z.string() }),
  ({ release, environment }) => `deploy ${release}${to(environment)}`,
);

export const showDeployment = defineActionRef(
  "deployment.show",
  z.object({ deployment: number }),
  ({ deployment }) => `deployment ${deployment}`,
);

export const showLogs = defineActionRef(
  "deployment.logs",
  z.object({ deployment: number }),
  ({ deployment }) => `logs ${deployment}`,
);

/** Its form asks what happens `then` (`leave` or `roll_back`) and for a `reason`. */
export const cancelDeployment = defineActionRef(
  "deployment.cancel",
  z.object({ deployment: number }),
  ({ deployment }) => `cancel ${deployment}`,
);

export const retryDeployment = defineActionRef(
  "deployment.retry",
  z.object({ deployment: number }),
  ({ deployment }) => `retry ${deployment}`,
);

/** Its form asks for `reason`. */
export const rollBack = defineActionRef(
  "deployment.roll_back",
  z.object({ environment: name, to: number.optional(), services: names.optional() }),
  ({ environment, to: deployment, services = [] }) =>
    [
      "rollback",
      quoteWord(environment),
      ...(deployment === undefined ? [] : ["to", String(deployment)]),
      ...services.map(quoteWord),
      '-m "…"',
    ].join(" "),
);

export const showEnvironment = defineActionRef(
  "environment.show",
  z.object({ environment: name }),
  ({ environment }) => `status ${quoteWord(environment)}`,
);

/** Its form asks for `reason` and `for`, a duration or nothing. */
export const lockEnvironment = defineActionRef(
  "environment.lock",
  z.object({ environment: name }),
  ({ environment }) => `lock ${quoteWord(environment)} "…"`,
);

export const unlockEnvironment = defineActionRef(
  "environment.unlock",
  z.object({ environment: name }),
  ({ environment }) => `unlock ${quoteWord(environment)}`,
);

/** Its form asks for `reason`. */
export const holdEnvironment = defineActionRef(
  "environment.hold",
  z.object({ environment: name }),
  ({ environment }) => `hold ${quoteWord(environment)} "…"`,
);

export const resumeEnvironment = defineActionRef(
  "environment.resume",
  z.object({ environment: name }),
  ({ environment }) => `resume ${quoteWord(environment)}`,
);

/** `hash` is the difference the person sees; the promotion is refused when it is another one by now. */
export const promoteEnvironment = defineActionRef(
  "environment.promote",
  z.object({ from: name, to: name, services: names.optional(), hash: z.string() }),
  ({ from, to: target, services = [] }) =>
    ["promote", quoteWord(from), "to", quoteWord(target), ...services.map(quoteWord)].join(" "),
);

function to(environment: string | undefined): string {
  return environment === undefined ? "" : ` to ${quoteWord(environment)}`;
}
