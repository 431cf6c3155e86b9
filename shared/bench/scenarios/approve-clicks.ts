import type { ReleaseView } from "../../contract/release.ts";
import type { RoomMessage } from "../../contract/room.ts";
import { createApiClient, type ApiAnswer, type ApiClient } from "../api-client.ts";
import { withCleanUp, type CleanUp } from "../clean-up.ts";
import { compare, type Contender } from "../measure.ts";
import { createLaneReleases, planLanes, startProduct } from "../product.ts";
import { atMost, type Goal, type Row } from "../report.ts";
import type { RunContext, Scenario } from "../scenario.ts";
import { startStub } from "../stub-process.ts";

const CLICKS = 100;
const GOAL_MS = 1_000;

export const approveClicksScenario: Scenario = {
  name: "approve-clicks",
  title: "100 concurrent clicks on one Approve",
  run: (context) => withCleanUp((cleanUp) => measureClicks(context, cleanUp)),
};

async function measureClicks({ isQuick }: RunContext, cleanUp: CleanUp): Promise<readonly Row[]> {
  const rounds = isQuick ? 2 : 10;
  // One release for each round of each way, warm-ups included.
  const lanes = 2 * (rounds + 1);
  const product = await cleanUp.use(startProduct(planLanes(lanes)), (started) => started.stop());
  const stub = await cleanUp.use(startStub("clicks"), (started) => started.stop());
  const bare = createApiClient(stub.url.replace("ws:", "http:"), "none");
  const dana = product.api("dana");
  const releases = [...(await createLaneReleases(dana, lanes))];
  const signed: number[] = [];
  let subject = 0;
  const alone: Contender = {
    name: "one unique row in the bare driver",
    measure: async () => {
      subject += 1;
      return [await clickAll(() => bare.call("POST", `/sign/${subject}`))];
    },
  };
  const row = async (what: string, click: (release: number) => Promise<number>): Promise<Row> => {
    const before = signed.length;
    const ours: Contender = {
      name: "Slipway",
      measure: async () => {
        const release = releases.pop();
        if (release === undefined) {
          throw new Error("there is no release left to sign");
        }
        const took = await click(release);
        signed.push(await countSignOffs(dana, release));
        return [took];
      },
    };
    const [result, ...beside] = await compare([ours, alone], { rounds, headline: "max" });
    if (!result) {
      throw new Error("nothing was measured");
    }
    const goals = [
      exactlyOne(signed.slice(before)),
      atMost(result.value, GOAL_MS, `${GOAL_MS / 1_000} s for all`),
    ];
    return { what, unit: "ms", ours: result, beside, goals };
  };
  return [
    await row("100 clicks on one card, all answered and the card renewed, slowest", (release) =>
      clickCard(dana, release),
    ),
    await row("100 requests for one sign-off, all answered, slowest", (release) =>
      clickAll(() => dana.call("POST", `/releases/${release}/sign-offs`, { role: "dev" })),
    ),
  ];
}

/** Milliseconds until the last of all clicks was answered. Throws when one was refused. */
async function clickAll(click: () => Promise<ApiAnswer>): Promise<number> {
  const start = performance.now();
  const answers = await Promise.all(Array.from({ length: CLICKS }, click));
  const took = performance.now() - start;
  const refused = answers.find(({ status }) => status >= 300);
  if (refused) {
    throw new Error(`a click was refused with ${refused.status}: ${refused.text.slice(0, 500)}`);
  }
  return took;
}

/** Shows the card, clicks its button, and waits until it says who signed. */
async function clickCard(dana: ApiClient, release: number): Promise<number> {
  const person = await shownCard(dana, release);
  const button = person.actions.find(({ label }) => /approve as dev/i.test(label));
  if (!button) {
    throw new Error(`no button to approve on: ${person.text}`);
  }
  const start = performance.now();
  const path = `/room/messages/${person.id}/actions`;
  await clickAll(() => dana.call("POST", path, { action: button.action }));
  await untilTrue(async () => {
    const { editedAt } = await dana.get<RoomMessage>(`/room/messages/${person.id}`);
    return editedAt !== null && editedAt !== person.editedAt;
  });
  return performance.now() - start;
}

async function shownCard(dana: ApiClient, release: number): Promise<RoomMessage> {
  const { seq } = await dana.send<RoomMessage>("POST", "/room/messages", {
    channel: "general",
    text: `@slipway release ${release}`,
  });
  let found: RoomMessage | undefined;
  await untilTrue(async () => {
    const { items } = await dana.get<{ items: RoomMessage[] }>(
      `/room/messages?channel=general&after=${seq}`,
    );
    found = items.find((message) => message.author.bot && message.actions.length > 0);
    return found !== undefined;
  });
  if (!found) {
    throw new Error(`release ${release} was not shown`);
  }
  return found;
}

async function untilTrue(check: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await check())) {
    if (performance.now() > end) {
      throw new Error("nothing happened for 20 s");
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function countSignOffs(api: ApiClient, release: number): Promise<number> {
  const { signOffs } = await api.get<ReleaseView>(`/releases/${release}`);
  return signOffs.length;
}

function exactlyOne(counts: readonly number[]): Goal {
  return { text: "exactly one sign-off", isMet: counts.every((count) => count === 1) };
}
