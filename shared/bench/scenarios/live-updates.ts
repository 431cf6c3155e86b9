import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createApiClient, type ApiClient } from "../api-client.ts";
import { withCleanUp, type CleanUp } from "../clean-up.ts";
import { compare, type Contender } from "../measure.ts";
import { createLaneReleases, planLanes, startProduct } from "../product.ts";
import { atMost, type Row } from "../report.ts";
import type { RunContext, Scenario } from "../scenario.ts";
import { startStub } from "../stub-process.ts";

const GOAL_MS = 250;
const LONGEST_WAIT_MS = 10_000;

export const liveUpdatesScenario: Scenario = {
  name: "live-updates",
  title: "Live updates",
  run: (context) => withCleanUp((cleanUp) => measureUpdates(context, cleanUp)),
};

async function measureUpdates(
  { isQuick, progress }: RunContext,
  cleanUp: CleanUp,
): Promise<readonly Row[]> {
  const count = isQuick ? 50 : 500;
  const stub = await cleanUp.use(startStub("events"), (started) => started.stop());
  const product = await cleanUp.use(startProduct(planLanes(1)), (started) => started.stop());
  const dana = product.api("dana");
  const [release] = await createLaneReleases(dana, 1);
  const bare = createApiClient(stub.url.replace("ws:", "http:"), "none");
  let change = 0;
  progress(`opening ${count} dashboards each`);
  const ours = await cleanUp.use(openDashboards(dana, count), (open) => open.close());
  const theirs = await cleanUp.use(openDashboards(bare, count), (open) => open.close());
  const contenders: readonly Contender[] = [
    {
      name: "Slipway",
      measure: () =>
        ours.afterChange("release.edited", () => {
          change += 1;
          return dana.send("PATCH", `/releases/${String(release)}`, {
            notes: `change ${String(change)}`,
          });
        }),
    },
    {
      name: "bare Node server",
      measure: () => theirs.afterChange("release.edited", () => bare.send("POST", "/change", {})),
    },
  ];
  const rounds = isQuick ? 5 : 40;
  const [result, ...beside] = await compare(contenders, {
    rounds,
    headline: "p95",
    warmUps: 3,
  });
  if (!result) {
    throw new Error("nothing was measured");
  }
  return [
    {
      what: `from asking for a change to its event at the last of ${count} dashboards, p95`,
      unit: "ms",
      ours: result,
      beside,
      goals: [atMost(result.value, GOAL_MS, `${GOAL_MS} ms`)],
    },
  ];
}

/** Many open streams of events. */
interface Dashboards {
  /**
   * Makes a change and waits until every stream has told of it. Resolves with the milliseconds from asking for the change,
   * which is before its commit, to the last arrival.
   */
  afterChange(event: string, make: () => Promise<unknown>): Promise<readonly number[]>;
  close(): void;
}

async function openDashboards(api: ApiClient, count: number): Promise<Dashboards> {
  /** What is waited for now; null between rounds. */
  let round: { readonly event: string; missing: number; readonly onLast: () => void } | null = null;
  const streams: IncomingMessage[] = [];
  // One after the other, as people open pages; all at once would measure the queue of new connections.
  for (let opened = 0; opened < count; opened += 1) {
    const stream = await api.open("/events");
    stream.setEncoding("utf8");
    await once(stream, "data");
    listen(stream);
    streams.push(stream);
  }

  return {
    async afterChange(event, make) {
      let timer: NodeJS.Timeout | undefined;
      const last = new Promise<number>((done, fail) => {
        const waited = {
          event: `"${event}"`,
          missing: count,
          onLast: () => done(performance.now()),
        };
        round = waited;
        timer = setTimeout(
          () => fail(new Error(`${waited.missing} of ${count} dashboards heard nothing`)),
          LONGEST_WAIT_MS,
        );
      });
      const asked = performance.now();
      try {
        await make();
        return [(await last) - asked];
      } finally {
        clearTimeout(timer);
        round = null;
      }
    },
    close: () => streams.forEach((stream) => stream.destroy()),
  };

  function listen(stream: IncomingMessage): void {
    let text = "";
    let toldIn: typeof round = null;
    stream.on("data", (piece: string) => {
      text += piece;
      const end = text.lastIndexOf("\n\n");
      if (end === -1) {
        return;
      }
      const whole = text.slice(0, end);
      text = text.slice(end + 2);
      if (round !== null && toldIn !== round && whole.includes(round.event)) {
        toldIn = round;
        round.missing -= 1;
        if (round.missing === 0) {
          round.onLast();
        }
      }
    });
  }
}
