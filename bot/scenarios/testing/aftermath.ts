import { expect, vi } from "vitest";
import type { z } from "zod";
import type { AuditVerification } from "../../../shared/contract/audit.ts";
import type { DeploymentPage, DeploymentView } from "../../../shared/contract/deployment.ts";
import type { EnvironmentView } from "../../../shared/contract/environment.ts";
import type { ReleaseView } from "../../../shared/contract/release.ts";
import type { Installation } from "./installation.ts";
import type { Person } from "./person.ts";

/** Resolves with the release once it has come to this. */
export async function releaseBecomes(
  person: Person,
  number: number,
  status: ReleaseView["status"],
): Promise<ReleaseView> {
  return vi.waitFor(
    async () => {
      const { body } = await person.get<ReleaseView>(`/releases/${number}`);
      expect(body.status).toBe(status);
      return body;
    },
    { timeout: 60_000, interval: 50 },
  );
}

/** The deployment that was asked for last. */
export async function newestDeployment(person: Person): Promise<DeploymentView> {
  const { body } = await person.get<z.infer<typeof DeploymentPage>>("/deployments?limit=1");
  const number = body.items[0]?.number ?? 0;
  return (await person.get<DeploymentView>(`/deployments/${number}`)).body;
}

/** Everything the one deployment of a release must have left behind that came through, and nothing else. */
export async function expectDeployed(
  person: Person,
  number: number,
  place: Pick<Installation, "running" | "branch">,
): Promise<ReleaseView> {
  const view = await releaseBecomes(person, number, "deployed");
  for (const { service, headSha, deployedAt, landedAt } of view.items) {
    expect(await place.running("prod", service)).toBe(headSha);
    expect(await place.branch(service, "master"), `${service} landed`).toBe(headSha);
    expect(deployedAt).not.toBeNull();
    expect(landedAt).not.toBeNull();
  }
  expect(view.deployments.map((one) => one.status)).toEqual(["succeeded"]);
  const deployment = await newestDeployment(person);
  expect(deployment.release).toBe(number);
  expect(deployment.steps.map((step) => step.status)).toEqual(
    deployment.steps.map(() => "succeeded"),
  );
  await expectNothingLeftOver(person);
  await expectCards(person, deployment.number, "succeeded");
  return view;
}

/** Nobody holds production any more, and the audit chain is whole. */
export async function expectNothingLeftOver(person: Person): Promise<void> {
  const { body } = await person.get<EnvironmentView>("/environments/prod");
  expect(body.activeDeployment).toBeNull();
  expect(body.lock).toBeNull();
  expect(body.hold).toBeNull();
  const chain = await person.get<AuditVerification>("/audit-log/verification");
  expect(chain.body).toMatchObject({ ok: true, brokenAt: null });
}

/** One live card where everybody is told, and at most one where it was asked for: both show the end. */
export async function expectCards(
  person: Person,
  deployment: number,
  status: string,
): Promise<void> {
  await vi.waitFor(
    async () => {
      expect(await cardTitles(person, "releases", deployment)).toEqual([
        expect.stringContaining(`(${status})`),
      ]);
      const asked = await cardTitles(person, "general", deployment);
      expect(asked.length).toBeLessThanOrEqual(1);
      for (const title of asked) {
        expect(title).toContain(`(${status})`);
      }
    },
    { timeout: 20_000, interval: 50 },
  );
}

/** Of live cards: the message that announces a failure has no status in parentheses. */
async function cardTitles(
  person: Person,
  channel: string,
  deployment: number,
): Promise<readonly string[]> {
  const messages = await person.messages(channel);
  return messages
    .map((message) => message.text.split("\n")[0] ?? "")
    .filter((title) => title.startsWith(`Deployment #${deployment}:`) && title.endsWith(")"));
}
