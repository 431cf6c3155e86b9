import type { BackgroundWork } from "../../contract/background-work.ts";
import type { DeadWork, DeadWorkStore } from "../../db/dead-work.ts";
import type { UnitOfWork } from "../../db/unit-of-work.types.ts";
import { WorkNotFound, WorkUnwanted } from "../../errors/catalog.ts";
import { cleanText } from "../../lib/text.ts";
import { requireToChange, requireToRead } from "../access.ts";
import type { BackgroundWorkServices } from "../services.ts";

const TEXT_LIMIT = 2_000;

/** Lists what gave up and gives it another chance. Whoever works finds it by looking, in whatever process. */
export function createBackgroundWorkServices(deps: {
  readonly uow: UnitOfWork;
  readonly jobs: DeadWorkStore;
  readonly deliveries: DeadWorkStore;
}): BackgroundWorkServices {
  const stores = { job: deps.jobs, delivery: deps.deliveries };

  return {
    async list(actor, { limit, offset }) {
      requireToRead(actor, "work.manage");
      const [jobCount, deliveryCount] = await Promise.all([
        deps.jobs.count(),
        deps.deliveries.count(),
      ]);
      const jobs = await deps.jobs.list({ limit, offset });
      const left = limit - jobs.length;
      const deliveries =
        left > 0
          ? await deps.deliveries.list({ limit: left, offset: Math.max(0, offset - jobCount) })
          : [];
      return {
        items: [
          ...jobs.map((work) => present("job", work)),
          ...deliveries.map((work) => present("delivery", work)),
        ],
        total: jobCount + deliveryCount,
      };
    },

    async retry(actor, id) {
      const subject = { kind: "work", id } as const;
      await requireToChange(deps.uow, actor, "work.manage", {}, subject);
      const [, kind, key] = /^(job|delivery)-([1-9]\d{0,14}|[0-9a-f-]{36})$/.exec(id) ?? [];
      if ((kind !== "job" && kind !== "delivery") || key === undefined) {
        throw new WorkNotFound({ work: id });
      }
      return deps.uow.run(async (tx) => {
        const found = await stores[kind].find(key, tx.sequelize);
        if (!found) {
          throw new WorkNotFound({ work: id });
        }
        if (!found.isWanted) {
          throw new WorkUnwanted({ work: id, by: found.name });
        }
        await stores[kind].revive(key, tx.sequelize);
        const { name, about, error } = found;
        await tx.emit({
          name: "work.retried",
          payload: { work: id, name, about, error },
          actor,
          subject,
        });
        return present(kind, found);
      });
    },
  };
}

function present(kind: BackgroundWork["kind"], work: DeadWork): BackgroundWork {
  return {
    id: `${kind}-${work.id}`,
    kind,
    name: work.name,
    about: cleanText(work.about, TEXT_LIMIT),
    attempts: work.attempts,
    since: work.since.toISOString(),
    error: cleanText(work.error, TEXT_LIMIT),
  };
}
