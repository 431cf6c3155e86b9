import { expect, vi } from "vitest";
import type { AuditVerification } from "../../../shared/contract/audit.ts";
import type { EnvironmentView } from "../../../shared/contract/environment.ts";
import type { Person } from "./person.ts";

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
