import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import type { z } from "zod";
import type { DeploymentPage } from "../../shared/contract/deployment.ts";
import type { ReleaseView } from "../../shared/contract/release.ts";
import type { RoomMessage } from "../../shared/contract/room.ts";
import { LEASE_MS } from "../../shared/db/leadership.ts";
import { describeWith } from "../../shared/testing/needs.ts";
import { hasPostgres, startPostgres, type PostgresCluster } from "../../shared/testing/postgres.ts";
import { createPerson, type Person } from "./testing/person.ts";
import {
  freePort,
  readHealth,
  startServer,
  type ServerPart,
  type ServerProcess,
} from "./testing/server-process.ts";
import { createWorkspace, type Workspace } from "./testing/workspace.ts";

/** `web` is the second wave. */
const SERVICES = { core: [], web: ["core"] };
/** A lease, and what it takes to begin to lead. */
const TAKE_OVER_MS = LEASE_MS + 5_000;

/** Another provider than the embedded one, which never answers: people known already go on for a while. */
const OTHER_PROVIDER = `
auth:
  keycloak: { issuer: "http://localhost:9/realms/none", client_id: slipway }
  roles:
    dev: ["group:/dev-leads"]
    qa: ["group:/qa-leads"]
    operator: ["realm:operator"]
    viewer: ["*"]
`;

describeWith("PostgreSQL", hasPostgres)("one Slipway over several processes", () => {
  let cluster: PostgresCluster;
  let server: ServerProcess;
  let team: Workspace;
  let dana: Person;
  let quinn: Person;
  let olivia: Person;
  let count = 0;

  beforeAll(async () => {
    cluster = await startPostgres();
  });
  afterAll(() => cluster?.remove());

  beforeEach(async () => {
    count += 1;
    await cluster.createDatabase(`several_${count}`);
    server = await startServer((data) => {
      team = createWorkspace(data, SERVICES);
      return {
        config: team.config(),
        env: team.env,
        databaseUrl: cluster.url(`several_${count}`),
        processes: ["web", "chat", "worker"],
      };
    });
    dana = createPerson(server.url, server.token("dana"));
    quinn = createPerson(server.url, server.token("quinn"));
    olivia = createPerson(server.url, server.token("olivia"));
  });
  afterEach(async () => {
    team?.openAll();
    await server?.dispose();
  });

  function part(services: string): ServerPart {
    const found = server.parts().find((one) => one.services === services);
    if (!found) {
      throw new Error(`no process runs ${services}`);
    }
    return found;
  }

  async function leads(one: ServerPart): Promise<boolean> {
    return (await readHealth(one.url)).chat.leads;
  }

  async function takesOver(one: ServerPart): Promise<void> {
    await vi.waitFor(async () => expect(await leads(one)).toBe(true), {
      timeout: TAKE_OVER_MS,
      interval: 50,
    });
  }

  async function answersTo(question: RoomMessage, channel = "general"): Promise<RoomMessage[]> {
    const messages = await dana.messages(channel);
    return messages.filter((one) => one.author.bot && one.seq > question.seq);
  }

  async function signedRelease(): Promise<ReleaseView> {
    for (const service of Object.keys(SERVICES)) {
      team.commit(service, `feat: ${service} ${count}`);
    }
    const { body } = await dana.send<ReleaseView>("POST", "/releases", {
      source: "uat",
      destination: "master",
    });
    await dana.send("POST", `/releases/${body.number}/sign-offs`, { role: "dev" });
    const signed = await quinn.send<ReleaseView>("POST", `/releases/${body.number}/sign-offs`, {
      role: "qa",
    });
    expect(signed.body.status).toBe("approved");
    return signed.body;
  }

  async function deployments(): Promise<z.infer<typeof DeploymentPage>["items"]> {
    return (await dana.get<z.infer<typeof DeploymentPage>>("/deployments")).body.items;
  }

  async function expectDeployed({ number }: ReleaseView, timeout = 60_000): Promise<void> {
    const view = await vi.waitFor(
      async () => {
        const { body } = await dana.get<ReleaseView>(`/releases/${number}`);
        expect(body.status).toBe("deployed");
        return body;
      },
      { timeout, interval: 100 },
    );
    for (const { service, headSha } of view.items) {
      expect(team.running("prod", service)).toBe(headSha);
      expect(team.timesApplied("prod", service, headSha ?? ""), `${service} applied`).toBe(1);
      expect(team.branch(service, "master")).toBe(headSha);
    }
    expect((await deployments()).map(({ release }) => release)).toEqual([number]);
  }

  it("says of each process what it runs, whether it leads and who does", async () => {
    const health = await Promise.all(
      ["web", "chat", "worker"].map((services) => readHealth(part(services).url)),
    );
    expect(health.map(({ services }) => services)).toEqual([["web"], ["chat"], ["worker"]]);
    expect(health.map(({ chat }) => chat.leads)).toEqual([false, true, false]);
    for (const { chat } of health) {
      expect(chat.leader).toContain(`process ${part("chat").pid}`);
    }
    expect((await fetch(`${part("worker").url}/api/v1/me`)).status).toBe(404);
  });

  it("answers in the room, with commands, buttons and forms, from another process", async () => {
    await dana.say("@slipway create-release uat master");
    await dana.sees(/nothing to release|no changes|Nothing/i);
    const release = await signedRelease();
    await dana.say(`@slipway release ${release.number}`);
    await dana.press(await dana.sees(/Release #1\b/), "Plan");
    await dana.sees(/core[^]*web/);

    await dana.say(`@slipway reject ${release.number}`);
    const question = await vi.waitFor(async () => {
      const found = (await dana.messages()).findLast((one) =>
        one.actions.some(({ type }) => type === "form"),
      );
      return found ?? Promise.reject(new Error("Nobody asks for the reason."));
    });
    const [form] = question.actions;
    await dana.press(question, form?.label ?? "", { reason: "it fails on Safari" });
    await vi.waitFor(async () => {
      const { body } = await dana.get<ReleaseView>(`/releases/${release.number}`);
      expect(body.rejection?.reason).toBe("it fails on Safari");
    });
  });

  it("answers what a killed leader had begun, once, and loses nothing said meanwhile", async () => {
    const release = await signedRelease();
    const standby = await server.add("chat");
    expect(await leads(standby)).toBe(false);

    team.hold("observe-core");
    const asked = await olivia.say(`@slipway deploy ${release.number}`);
    await team.arrival("observe-core");
    part("worker").signal("SIGSTOP");
    const [leader] = await leaders();
    leader?.signal("SIGKILL");
    await leader?.ended;
    const meanwhile = await dana.say("@slipway help", "releases");
    team.openAll();

    await takesOver(standby);
    part("worker").signal("SIGCONT");
    await vi.waitFor(async () => expect(await answersTo(asked)).toHaveLength(1), {
      timeout: 20_000,
    });
    await vi.waitFor(
      async () =>
        expect(
          (await answersTo(meanwhile, "releases")).filter(({ text }) =>
            /What you can say/.test(text),
          ),
        ).toHaveLength(1),
      { timeout: 20_000 },
    );
    await expectDeployed(release);
    expect(await answersTo(asked)).toHaveLength(1);
  });

  it("lets a paused leader do nothing when it wakes, because another one leads", async () => {
    const release = await signedRelease();
    const standby = await server.add("chat");
    team.hold("observe-core");
    const asked = await olivia.say(`@slipway deploy ${release.number}`);
    await team.arrival("observe-core");
    const [paused] = await leaders();
    paused?.signal("SIGSTOP");
    team.openAll();

    await takesOver(standby);
    await vi.waitFor(async () => expect(await answersTo(asked)).toHaveLength(1), {
      timeout: 20_000,
    });
    paused?.signal("SIGCONT");
    await vi.waitFor(async () => expect(await leads(paused ?? standby)).toBe(false));
    await expectDeployed(release);

    expect(await answersTo(asked)).toHaveLength(1);
    expect(await leads(standby)).toBe(true);
    // It stands by again, and takes over when it is needed.
    standby.signal("SIGTERM");
    expect(await standby.ended).toBe(0);
    await takesOver(paused ?? standby);
    await dana.say("@slipway whoami");
    await dana.sees(/Dana/);
  });

  it("says that nobody answers when nobody runs chat, and answers when somebody does", async () => {
    const release = await signedRelease();
    await dana.say(`@slipway release ${release.number}`);
    const card = await dana.sees(/Release #1\b/);
    part("chat").signal("SIGTERM");
    expect(await part("chat").ended).toBe(0);

    const asked = await dana.say("@slipway whoami");
    const told = await dana.sees(/not running/);
    expect(told).toMatchObject({ ephemeral: true });
    const pressed = await dana.press(card, card.actions[0]?.label ?? "");
    expect(pressed).toMatchObject({ status: 502, body: { code: "chat.not_running" } });

    await takesOver(await server.add("chat"));
    await vi.waitFor(
      async () =>
        expect((await answersTo(asked)).filter(({ text }) => /Dana/.test(text))).toHaveLength(1),
      { timeout: 20_000 },
    );
  });

  it("goes on with a deployment whose worker was killed in the middle, and applies nothing twice", async () => {
    const release = await signedRelease();
    const first = part("worker");
    const second = await server.add("worker");
    team.hold("after-apply-core");
    await olivia.send("POST", `/releases/${release.number}/deploy`, { environment: "prod" });
    await team.arrival("after-apply-core");
    // Either of them may have taken it.
    const [owner] = await cluster.query<{ lease_owner: string }>(
      "SELECT lease_owner FROM deployments WHERE lease_owner IS NOT NULL",
      [],
      `several_${count}`,
    );
    const runner = owner?.lease_owner.includes(`:${first.pid}:`) ? first : second;
    runner.signal("SIGKILL");
    await runner.ended;
    team.openAll();
    await expectDeployed(release);
  });

  it("lets a paused worker do nothing when it wakes, because another one goes on", async () => {
    const release = await signedRelease();
    const first = part("worker");
    const second = await server.add("worker");
    team.hold("observe-core");
    const asking = olivia.send("POST", `/releases/${release.number}/deploy`, {
      environment: "prod",
    });
    await team.pass("observe-core");
    await asking;
    await team.arrival("observe-core");
    const [owner] = await cluster.query<{ lease_owner: string }>(
      "SELECT lease_owner FROM deployments WHERE lease_owner IS NOT NULL",
      [],
      `several_${count}`,
    );
    const runner = owner?.lease_owner.includes(`:${first.pid}:`) ? first : second;
    runner.signal("SIGSTOP");
    team.openAll();
    await expectDeployed(release, 90_000);
    runner.signal("SIGCONT");
    await vi.waitFor(
      () => expect(server.output()).toContain("this runner has lost a deployment to another"),
      { timeout: 20_000 },
    );
    await expectDeployed(release);
  });

  it("brings every fact to whichever web process a page has reached, each once and in order", async () => {
    const config = join(server.data, "other-web.yaml");
    writeFileSync(config, team.config() + OTHER_PROVIDER);
    const port = String(await freePort());
    const other = await server.add("web", { SLIPWAY_CONFIG: config, SLIPWAY_PORT: port });
    const token = server.token("dana");
    const here = await follow(server.url, token);
    const there = await follow(other.url, token);

    const release = await signedRelease();
    await vi.waitFor(() => expect(there.seqs.length).toBeGreaterThan(3));
    await vi.waitFor(() => expect(there.seqs).toEqual(here.seqs));
    there.stop();
    const last = there.seqs.at(-1) ?? 0;
    await dana.send("POST", `/releases/${release.number}/close`, { reason: "enough" });
    await vi.waitFor(() => expect(here.seqs.at(-1)).toBeGreaterThan(last));

    const resumed = await follow(other.url, token, last);
    await vi.waitFor(() => expect(resumed.seqs.at(-1)).toBe(here.seqs.at(-1)));
    const all = [...there.seqs, ...resumed.seqs];
    expect(all).toEqual(Array.from(all, (_, index) => (all[0] ?? 0) + index));
    here.stop();
    resumed.stop();
  });

  it("refuses a second process that would be the embedded identity provider, and other keys", async () => {
    const port = String(await freePort());
    await expect(server.add("web", { SLIPWAY_PORT: port })).rejects.toThrow(
      /embedded identity provider already/,
    );
    const config = join(server.data, "other-keys.yaml");
    writeFileSync(config, `${team.config()}secret_key: ${"another ".repeat(5)}\n`);
    await expect(server.add("worker", { SLIPWAY_CONFIG: config })).rejects.toThrow(/other keys/);
  });

  it("stops each process in order, whichever parts it runs", async () => {
    for (const services of ["chat", "worker", "web"]) {
      part(services).signal("SIGTERM");
      expect(await part(services).ended).toBe(0);
    }
  });

  /** The processes that run chat, the leader first. */
  async function leaders(): Promise<readonly ServerPart[]> {
    const all = server
      .parts()
      .filter(({ services, isRunning }) => services === "chat" && isRunning);
    const leading = await Promise.all(all.map(leads));
    return all.filter((_, index) => leading[index]);
  }
});

/** Follows the live events of a web process. */
async function follow(
  url: string,
  token: string,
  after?: number,
): Promise<{ readonly seqs: number[]; stop(): void }> {
  const stopping = new AbortController();
  const response = await fetch(`${url}/api/v1/events`, {
    headers: {
      authorization: `Bearer ${token}`,
      ...(after === undefined ? {} : { "last-event-id": String(after) }),
    },
    signal: stopping.signal,
  });
  expect(response.status).toBe(200);
  const seqs: number[] = [];
  void read(response, seqs).catch(() => undefined);
  return { seqs, stop: () => stopping.abort() };
}

async function read(response: Response, seqs: number[]): Promise<void> {
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk as Uint8Array).toString("utf8");
    const frames = text.split("\n\n");
    text = frames.pop() ?? "";
    for (const frame of frames) {
      const data = /^data: (.*)$/m.exec(frame)?.[1];
      if (data !== undefined) {
        seqs.push((JSON.parse(data) as { seq: number }).seq);
      }
    }
  }
}
