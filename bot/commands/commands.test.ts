import {
  NotificationSettings,
  type PatchNotificationSettings,
} from "../../shared/contract/notifications.ts";
import { describe, expect, it, vi } from "vitest";
import {
  buildApprovedRelease,
  buildDeployment,
  buildDeploymentSummary,
  buildDiff,
  buildEnvironment,
  buildFailedDeployment,
  buildPlan,
  buildRelease,
  danaRef,
} from "../cards/testing/sample-views.ts";
import type { ReleaseView } from "../../shared/contract/release.ts";
import type { Services } from "../../shared/app/services.ts";
import { DeploymentBlocked, RateLimited, ReleaseAlreadyOpen } from "../../shared/errors/catalog.ts";
import { textOf } from "../chat/testing/fake-platform.ts";
import { createCommandParser } from "../chat/parse-command.ts";
import { commands } from "./index.ts";
import { createCommandHarness } from "./testing/command-harness.ts";

const parser = createCommandParser(commands);

describe("what people type", () => {
  it.each<[string, unknown]>([
    ["create-release uat master", { source: "uat", destination: "master" }],
    ["create release uat to master", { source: "uat", destination: "master" }],
    ["create-release uat..master", { source: "uat", destination: "master" }],
    ["create-release ev..il master", { source: "ev..il", destination: "master" }],
    ["create-release uat → master", { source: "uat", destination: "master" }],
    [
      'create-release uat master a b --exclude c d --notes "One\ntwo"',
      {
        source: "uat",
        destination: "master",
        repositories: ["a", "b"],
        exclude: ["c", "d"],
        notes: "One\ntwo",
      },
    ],
    [
      'create-release "feature/it\'s mine" "-x"',
      { source: "feature/it's mine", destination: "-x" },
    ],
    ["releases", { status: "open", branch: undefined }],
    ["releases all", { status: undefined, branch: undefined }],
    ["releases rolled-back --branch uat", { status: "rolled_back", branch: "uat" }],
    [
      "exclude 12 a, b -m not tested yet",
      { release: 12, services: ["a", "b"], reason: "not tested yet" },
    ],
    ["open-pr 12", { release: 12, repositories: [] }],
    ["open-prs #12 a, b", { release: 12, repositories: ["a", "b"] }],
    ["include #12 a b", { release: 12, services: ["a", "b"] }],
    ["depends 12 a on b, c", { release: 12, service: "a", on: ["b", "c"] }],
    ["depends 12 a on b and c", { release: 12, service: "a", on: ["b", "c"] }],
    ["depends 12 a on nothing", { release: 12, service: "a", on: [] }],
    ["approve 12 as QA", { release: 12, role: "qa" }],
    ["approve 12 dev", { release: 12, role: "dev" }],
    ['reject 12 -m "broken"', { release: 12, reason: "broken" }],
    ["reject 12 it is broken", { release: 12, reason: "it is broken" }],
    ['reject 12 -m "…"', { release: 12, reason: undefined }],
    ["plan 12", { release: 12, environment: undefined }],
    ["plan 12 prod", { release: 12, environment: "prod" }],
    ["deploy 12", { release: 12 }],
    [
      "deploy 12 to prod --only a,b --from-wave 2",
      { release: 12, environment: "prod", only: ["a", "b"], fromWave: 2 },
    ],
    ["cancel 7 --roll-back -m wrong", { deployment: 7, then: "roll_back", reason: "wrong" }],
    ["rollback prod", { environment: "prod", reason: undefined }],
    [
      'rollback prod to 5 a b -m "errors"',
      { environment: "prod", to: 5, services: ["a", "b"], reason: "errors" },
    ],
    ["restart a in prod", { service: "a", environment: "prod" }],
    [
      "lock prod sale is on --for 2h",
      { environment: "prod", reason: "sale is on", forText: "2h", forMs: 7_200_000 },
    ],
    [
      'lock prod "sale" --for=1h30m',
      { environment: "prod", reason: "sale", forText: "1h30m", forMs: 5_400_000 },
    ],
    ["promote preprod to prod a", { from: "preprod", to: "prod", services: ["a"] }],
    ["diff preprod prod", { from: "preprod", to: "prod" }],
    ["history prod a", { first: "prod", second: "a" }],
  ])("%s", (text, args) => {
    const parsed = parser.parse(text, true);
    expect(parsed.type === "command" && parsed.args).toEqual(args);
  });

  it.each([
    ["create-release uat", "Say to which branch."],
    ["create-release uat master --exlude a", "Did you mean --exclude?"],
    ["releases maybe", '"maybe" is not a status'],
    ["release twelve", '"twelve" is not a number'],
    ["exclude 12", "Say which repositories."],
    ["depends 12 a", "Say on what it depends"],
    ["deploy 12 --from-wave x", '"x" is not a wave'],
    ["lock prod sale --for soon", '"soon" is not a duration'],
    ["unlock", "Say which environment."],
    ["unlock prod now", 'I do not understand "now" here.'],
  ])("%s is answered with what is wrong", (text, words) => {
    expect(() => parser.parse(text, true)).toThrow(words);
  });
});

describe("create-release", () => {
  it("posts the card with the link", async () => {
    const create = vi.fn<Services["releases"]["create"]>(async () => buildRelease());
    const { say, platform } = await createCommandHarness({ releases: { create } });
    const answer = await say('create-release uat master --notes "Spring"');
    expect(create.mock.calls[0]?.[1]).toEqual({
      source: "uat",
      destination: "master",
      notes: "Spring",
    });
    expect(answer).toContain("https://slipway.example.com/releases/12");
    expect(platform.messages).toHaveLength(1);
  });

  it("asks for the branches when none is said, in a form", async () => {
    const create = vi.fn<Services["releases"]["create"]>(async () => buildRelease());
    const { say, click } = await createCommandHarness({ releases: { create } });
    expect(await say("create-release")).toContain("create-release <source> <destination>");
    expect(create).not.toHaveBeenCalled();
    await click("New release", "dana", {
      source: " uat",
      destination: "master",
      repositories: "auth-service, api-gateway",
      notes: "Spring",
    });
    expect(create.mock.calls[0]?.[1]).toEqual({
      source: "uat",
      destination: "master",
      repositories: ["auth-service", "api-gateway"],
      notes: "Spring",
    });
  });

  it("offers to refresh a release that is already open", async () => {
    const refresh = vi.fn<Services["releases"]["refresh"]>(async () =>
      buildRelease({ lastChanges: ["payments: 3 new commits"] }),
    );
    const { say, click, read } = await createCommandHarness({
      releases: {
        refresh,
        create: async () => {
          throw new ReleaseAlreadyOpen({ number: 12, source: "uat", destination: "master" });
        },
      },
    });
    expect(await say("create-release uat master")).toContain("[Refresh] or say `refresh 12`");
    await click("Refresh");
    expect(refresh).toHaveBeenCalledOnce();
    expect(read().join("\n")).toContain("Release #12: 1 change\n• payments: 3 new commits");
  });
});

describe("releases", () => {
  it("lists the open ones with links", async () => {
    const list = vi.fn<Services["releases"]["list"]>(async () => ({
      items: [buildRelease()],
      total: 3,
    }));
    const { say } = await createCommandHarness({ releases: { list } });
    const answer = await say("releases --branch uat..master");
    expect(list.mock.calls[0]?.[1]).toEqual({
      limit: 15,
      offset: 0,
      status: "open",
      source: "uat",
      destination: "master",
    });
    expect(answer).toContain(
      "• #12 (https://slipway.example.com/releases/12) uat → master: waiting for sign-off",
    );
    expect(answer).toContain("… and 2 more.");
  });

  it("says what to do when there are none", async () => {
    const { say } = await createCommandHarness({
      releases: { list: async () => ({ items: [], total: 0 }) },
    });
    expect(await say("releases")).toContain("Next: `create-release <source> <destination>`.");
  });
});

describe("notes", () => {
  it("shows the draft and takes what is written, in a form or as a command", async () => {
    const edit = vi.fn<Services["releases"]["edit"]>(async (_, __, { notes = "" }) =>
      buildRelease({ notes }),
    );
    const { say, click } = await createCommandHarness({
      releases: { edit, view: async () => buildRelease({ draftNotes: "## Features\n* sign-in" }) },
    });
    const draft = await say("notes 12");
    expect(draft).toContain("## Features\n* sign-in");
    expect(draft).toContain("This is the draft made from the commits.");
    await click("Edit release notes", "dana", { text: "Better" });
    await say('notes 12 "Best\nof all"');
    expect(edit.mock.calls.map((call) => call[2])).toEqual([
      { notes: "Better" },
      { notes: "Best\nof all" },
    ]);
  });
});

describe("a reason", () => {
  it.each([
    ["reject 12", "Reject", "reject", [12, "broken"]],
    ["close 12", "Close", "close", [12, "broken"]],
  ] as const)("is asked for by %s when it is missing", async (text, label, method, expected) => {
    const change = vi.fn<(...args: readonly unknown[]) => Promise<ReleaseView>>(async () =>
      buildRelease(),
    );
    const { say, click } = await createCommandHarness({ releases: { [method]: change } });
    const question = await say(text);
    expect(question).toContain(`or say \`${text} -m "…"\``);
    expect(change).not.toHaveBeenCalled();
    await click(label, "dana", { reason: "broken" });
    expect(change.mock.calls[0]?.slice(1)).toEqual(expected);
  });

  it("is asked for by a rollback", async () => {
    const rollBack = vi.fn<Services["deployments"]["rollBack"]>(async () =>
      buildDeployment({ number: 8, kind: "rollback" }),
    );
    const { say, click } = await createCommandHarness({ deployments: { rollBack } });
    expect(await say("rollback prod to 5 auth-service", "olivia")).toContain(
      "The reason is kept with the rollback.",
    );
    expect(rollBack).not.toHaveBeenCalled();
    expect(await click("Roll back", "olivia", { reason: "errors" })).toContain(
      "Rollback #8 of prod",
    );
    expect(rollBack.mock.calls[0]?.[1]).toEqual({
      environment: "prod",
      to: 5,
      services: ["auth-service"],
      reason: "errors",
    });
  });

  it("is asked for by a lock, with the duration that was typed", async () => {
    const lock = vi.fn<Services["environments"]["lock"]>(async () =>
      buildEnvironment({
        lock: {
          by: danaRef,
          reason: "sale",
          since: "2026-11-25T12:00:00.000Z",
          until: "2026-11-25T14:00:00.000Z",
        },
      }),
    );
    const { say, click, platform } = await createCommandHarness({ environments: { lock } });
    await say("lock prod --for 2h", "olivia");
    const [item] = platform.last().content.tokens.keys();
    expect(item?.type === "form" && item.form.fields).toMatchObject([
      { name: "reason" },
      { name: "for", initial: "2h" },
    ]);
    await click("Lock", "olivia", { reason: "sale", for: "soon" });
    expect(lock).not.toHaveBeenCalled();
    const answer = await click("Lock", "olivia", { reason: "sale", for: "2h" });
    expect(lock.mock.calls[0]?.[2]).toEqual({ reason: "sale", forMs: 7_200_000 });
    expect(answer).toContain("prod is locked for 2 h");
    expect(answer).toContain("`unlock prod`");
  });
});

describe("deploy", () => {
  it("answers with the live card of the deployment", async () => {
    const request = vi.fn<Services["deployments"]["request"]>(async () => buildDeployment());
    const { say } = await createCommandHarness({ deployments: { request } });
    expect(await say("deploy 12 to prod --only auth-service", "olivia")).toContain(
      "Deployment #7: release #12 to prod",
    );
    expect(request.mock.calls[0]?.slice(1)).toEqual([
      12,
      { environment: "prod", only: ["auth-service"] },
    ]);
  });

  it("says everything that stands in the way", async () => {
    const { say } = await createCommandHarness({
      deployments: {
        request: async () => {
          throw new DeploymentBlocked({
            reasons: [
              { code: "a", reason: "QA has not signed.", remedy: "Say `approve 12 as qa`." },
              { code: "b", reason: "prod is locked.", remedy: "Say `unlock prod`." },
            ],
          });
        },
      },
    });
    const answer = await say("deploy 12", "olivia");
    expect(answer).toContain("• QA has not signed. Say `approve 12 as qa`.");
    expect(answer).toContain("• prod is locked. Say `unlock prod`.");
  });

  it("deploys nothing by a click on a card that shows another content", async () => {
    const request = vi.fn<Services["deployments"]["request"]>(async () => buildDeployment());
    let fingerprint = "f1";
    const { say, click } = await createCommandHarness({
      releases: { view: async () => buildApprovedRelease({ fingerprint }) },
      deployments: { request },
    });
    await say("release 12");
    fingerprint = "f2";
    expect(await click("Deploy", "olivia")).toContain("nothing was deployed");
    expect(request).not.toHaveBeenCalled();
    await click("Deploy", "olivia");
    expect(request).toHaveBeenCalledOnce();
  });
});

describe("a deployment", () => {
  it("is stopped, and people are told what stays", async () => {
    const cancel = vi.fn<Services["deployments"]["cancel"]>(async () =>
      buildDeployment({ status: "aborting" }),
    );
    const { say, click, read } = await createCommandHarness({
      deployments: { cancel, view: async () => buildDeployment() },
    });
    await say("cancel 7", "olivia");
    expect(read().join("\n")).toContain("What it touched stays as it is.");
    await say("deployment 7", "olivia");
    await click("Cancel", "olivia", { then: "roll_back", reason: "wrong" });
    expect(cancel.mock.calls.map((call) => call[2])).toEqual([
      { then: "leave" },
      { then: "roll_back", reason: "wrong" },
    ]);
  });

  it("shows the end of its log, page by page", async () => {
    const line = (id: number, service: string) => ({
      id,
      at: "2026-11-25T12:00:00.000Z",
      service,
      stage: null,
      line: `line ${id}`,
    });
    const all = Array.from({ length: 10 }, (_, index) => line(index + 1, index % 2 ? "a" : "b"));
    const { say } = await createCommandHarness({
      deployments: {
        view: async () => buildFailedDeployment(),
        logs: async (_, __, { after = 0 }) => {
          const items = all.filter(({ id }) => id > after).slice(0, 3);
          return { items, next: items.at(-1)?.id ?? after };
        },
      },
    });
    expect(await say("logs 7")).toContain("[b] line 9\n[a] line 10");
    const own = await say("logs 7 a");
    expect(own).toContain("line 10");
    expect(own).not.toContain("line 9");
  });

  it("is planned with what stands in the way", async () => {
    const { say } = await createCommandHarness({
      releases: { view: async () => buildRelease() },
      deployments: { plan: async () => buildPlan() },
    });
    expect(await say("plan 12 to prod", "vic")).toContain(
      "Every requirement is met. Nothing has been changed.",
    );
  });
});

describe("environments", () => {
  it("are shown, compared and promoted exactly as they were seen", async () => {
    const promote = vi.fn<Services["environments"]["promote"]>(async () =>
      buildRelease({ kind: "promotion" }),
    );
    const { say, click } = await createCommandHarness({
      environments: {
        promote,
        list: async () => [buildEnvironment()],
        view: async () => buildEnvironment(),
        diff: async () => buildDiff(),
        health: async () => [{ environment: "prod", services: [], unreachable: null }],
      },
    });
    expect(await say("status")).toContain("prod | master | open");
    expect(await say("status prod")).toContain("Environment prod (open)");
    expect(await say("health")).toContain("nothing runs yet");
    await say("diff preprod prod");
    await click("Promote to prod", "olivia");
    expect(promote.mock.calls[0]?.[1]).toEqual({ from: "preprod", to: "prod", hash: "h1" });
  });

  it("have a history, also of one service", async () => {
    const list = vi.fn<Services["deployments"]["list"]>(async () => ({
      items: [buildDeploymentSummary()],
      total: 1,
    }));
    const { say } = await createCommandHarness({ deployments: { list } });
    expect(await say("history prod auth-service")).toContain(
      "Deployments of auth-service in prod (1)",
    );
    expect(await say("history auth-service")).toContain("Deployments of auth-service (1)");
    expect(await say("history prod")).toContain("Deployments in prod (1)");
    expect(await say("history nowhere auth-service")).toContain('no environment called "nowhere"');
    expect(list.mock.calls.map((call) => call[1])).toMatchObject([
      { environment: "prod", service: "auth-service" },
      { service: "auth-service" },
      { environment: "prod" },
    ]);
  });

  it("have services that are restarted", async () => {
    const [service] = buildEnvironment().services;
    const { say } = await createCommandHarness({
      environments: { restart: async () => service ?? expect.unreachable() },
    });
    expect(await say("restart auth-service in prod", "olivia")).toContain(
      "auth-service was restarted in prod",
    );
  });
});

describe("help", () => {
  it("shows what this person may do here, privately", async () => {
    const { say, platform } = await createCommandHarness({});
    const answer = await say("help", "vic");
    expect(answer).toContain("for example `help releases`");
    expect(answer).toContain("`release <number>`: Show a release");
    expect(answer).not.toContain("`deploy <number>");
    expect(answer).toMatch(/\d+ more commands need a role you do not hold/);
    expect(answer).toContain("Environments: preprod, prod");
    expect(platform.last().visibleTo).toBe("sub-vic");
    expect(await say("help", "olivia")).toContain("`deploy <number>");
  });

  it("leaves out what this installation cannot do", async () => {
    const { say } = await createCommandHarness({
      installation: { environments: [{ name: "prod", branch: "master" }] },
    });
    expect(await say("help", "olivia")).not.toContain("`promote <environment>");
  });

  it("shows how to use one command", async () => {
    const { say } = await createCommandHarness({});
    const answer = await say("help deploy", "vic");
    expect(answer).toContain(
      "Usage: `deploy <number> [to <environment>] [--only service,…] [--from-wave wave]`",
    );
    expect(answer).toContain("• `deploy 12 to prod`");
    expect(answer).toContain("You do not hold a role that may do this.");
    expect(await say("help depoy")).toContain("Did you mean `help deploy`");
  });

  it("does not know what later versions will", async () => {
    const { say } = await createCommandHarness({});
    for (const text of ["freeze prod", "subscribe vue", "runbook search x", "dora"]) {
      expect(await say(text)).toContain("I do not know");
    }
  });
});

describe("notifications", () => {
  const settings = {
    digest: "weekdays" as const,
    digestAt: "09:00",
    timeZone: "UTC",
    direct: true,
    platform: null,
    mutedUntil: null,
  };

  it("shows when and where somebody is written to, to them only", async () => {
    const { say, platform } = await createCommandHarness({});
    const answer = await say("notifications");
    expect(answer).toContain("What waits for your sign-off: on weekdays at 09:00, UTC");
    expect(answer).toContain("Where: wherever I can reach you, linked chats first");
    expect(platform.last().visibleTo).toBe("sub-dana");
  });

  it.each<[string, PatchNotificationSettings]>([
    ["notifications off", { digest: "off" }],
    [
      "notify daily --at 08:30 --zone Europe/Berlin",
      { digest: "daily", digestAt: "08:30", timeZone: "Europe/Berlin" },
    ],
    ["notifications --on Mattermost --direct off", { platform: "mattermost", direct: false }],
    ["notifications --on anywhere", { platform: null }],
    ["notifications --mute 3d", { mutedUntil: "2026-11-28T12:00:00.000Z" }],
    ["notifications --mute off", { mutedUntil: null }],
  ])("understands %s", async (typed, patch) => {
    const asked: unknown[] = [];
    const { say } = await createCommandHarness({
      notifications: {
        async change(actor, given) {
          asked.push([actor.subject, given]);
          return NotificationSettings.parse({ ...settings, ...given });
        },
      },
    });
    expect(await say(typed)).toContain("I will write to you like this");
    expect(asked).toEqual([["sub-dana", patch]]);
  });

  it.each([
    ["notifications --at 25:00", "25:00 must be a time such as 08:30."],
    ["notifications --zone Nowhere", "Nowhere must be a time zone such as Europe/Berlin."],
    ["notifications --direct maybe", "Say on or off."],
    ["notifications --mute soon", '"soon" is not a duration'],
    ["notifications sometimes", 'I do not understand "sometimes" here.'],
  ])("says what is wrong with %s", async (typed, words) => {
    const { say } = await createCommandHarness({});
    expect(await say(typed)).toContain(words);
  });
});

describe("whoami", () => {
  it("shows roles and rights, privately", async () => {
    const { say, platform } = await createCommandHarness({});
    const answer = await say("whoami", "robin");
    expect(answer).toContain("You are Robin");
    expect(answer).toContain("Roles: dev and qa");
    expect(answer).toContain("Known here: by your sign-in");
    expect(platform.last().visibleTo).toBe("sub-robin");
  });
});

describe("somebody with an account of the chat", () => {
  const account = {
    id: "account-1",
    platform: "fake",
    workspace: "",
    userId: "sub-chatty",
    displayName: "Chatty",
    linkedAt: "2026-11-24T08:30:00.000Z",
  };
  const linked = {
    people: { subjectOf: async () => "sub-dana" },
    accounts: { find: async () => account },
  };
  const elsewhere = { usersAreSubjects: false };

  it.each(["link", "unlink", "whoami", "help", "approve 12 as dev"])(
    "who is not linked and says %s is shown the way in, alone",
    async (typed) => {
      const { say, platform } = await createCommandHarness({}, elsewhere);
      const answer = await say(typed, "chatty");
      expect(platform.last().visibleTo).toBe("sub-chatty");
      expect(answer).toContain("I do not know you yet");
      expect(answer).toContain("https://slipway.example.com/link/of-sub-chatty");
    },
  );

  it("is told to follow the latest link when they have had several", async () => {
    const { say } = await createCommandHarness(
      {
        accounts: {
          async requestLink() {
            throw new RateLimited({ retryAfterMs: 90_000 });
          },
        },
      },
      elsewhere,
    );
    const answer = await say("link", "chatty");
    expect(answer).toContain("follow the latest one");
    expect(answer).toContain("Try again in 90 s.");
  });

  it("is told what to say when no link can be made", async () => {
    const { say } = await createCommandHarness(
      {
        accounts: {
          async requestLink() {
            throw new Error("the database is away");
          },
        },
      },
      elsewhere,
    );
    expect(await say("approve 12 as dev", "chatty")).toContain("Say `link`");
  });

  it("hears from whoami and link how they are linked", async () => {
    const { say, platform } = await createCommandHarness(linked, elsewhere);
    expect(await say("whoami", "chatty")).toContain(
      "Known here: by your linked fake account, since 2026-11-24 08:30 UTC",
    );
    expect(await say("link", "chatty")).toContain("linked to Dana since 2026-11-24 08:30 UTC");
    expect(textOf(platform.last())).toContain("say `unlink` first");
    expect(platform.last().visibleTo).toBe("sub-chatty");
  });

  it("unlinks it", async () => {
    const unlink = vi.fn<Services["accounts"]["unlink"]>(async () => undefined);
    const { say, platform } = await createCommandHarness(
      { ...linked, accounts: { ...linked.accounts, unlink } },
      elsewhere,
    );
    expect(await say("unlink", "chatty")).toContain("no longer acts for Dana");
    expect(unlink.mock.calls.map(([actor, id]) => [actor.subject, id])).toEqual([
      ["sub-dana", "account-1"],
    ]);
    expect(platform.last().visibleTo).toBe("sub-chatty");
  });
});

describe("somebody who signed in to chat", () => {
  it.each([
    ["link", "nothing to link"],
    ["unlink", "Nothing to unlink"],
  ])("hears after %s that no link is needed", async (typed, words) => {
    const { say } = await createCommandHarness({});
    expect(await say(typed)).toContain(words);
  });
});

describe("open-pr", () => {
  const release = buildRelease({ missingPullRequests: ["acme/auth"] });
  const opened = {
    release,
    results: [
      {
        repository: "acme/auth",
        pullRequest: null,
        reason: "acme/auth refused opening a pull request: it is archived.",
        remedy: "Bring it back, or exclude it.",
      },
      {
        repository: "acme/billing",
        pullRequest: {
          number: 5,
          url: "https://git.example.com/acme/billing/pulls/5",
          state: "open" as const,
          title: "Release #12",
        },
        reason: null,
        remedy: null,
      },
    ],
  };

  it("tells of each repository, with a link or with what to do", async () => {
    const openPullRequests = vi.fn<Services["releases"]["openPullRequests"]>(async () => opened);
    const { say, read } = await createCommandHarness({ releases: { openPullRequests } });
    await say("open-pr 12 billing auth");
    expect(openPullRequests.mock.calls[0]?.slice(1, 3)).toEqual([
      12,
      { repositories: ["billing", "auth"] },
    ]);
    const told = read().join("\n");
    expect(told).toContain("Release #12: 1 pull request open, 1 not");
    expect(told).toContain("it is archived. Bring it back, or exclude it.");
    expect(told).toContain("acme/billing: #5 (https://git.example.com/acme/billing/pulls/5)");
  });

  it("is a button of the card, for all that are missing", async () => {
    const openPullRequests = vi.fn<Services["releases"]["openPullRequests"]>(async () => ({
      release: buildRelease(),
      results: [],
    }));
    const { say, click, read } = await createCommandHarness({
      releases: { view: async () => release, openPullRequests },
    });
    await say("release 12");
    await click("Open pull requests");
    expect(openPullRequests.mock.calls[0]?.slice(1, 3)).toEqual([12, {}]);
    expect(read().join("\n")).toContain("every repository has its pull request");
  });
});
