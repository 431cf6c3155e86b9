import { describe, expect, it } from "vitest";
import type { Services } from "../../shared/app/services.ts";
import { PersonInactive } from "../../shared/errors/catalog.ts";
import { commands } from "../commands/index.ts";
import type { ChatUser } from "./platform.ts";
import { createSuggestions } from "./suggestions.ts";
import { dana } from "./testing/sample-people.ts";

const user: ChatUser = {
  platform: "discord",
  workspace: "1",
  userId: "2",
  displayName: "Dana",
  kind: "person",
};

function suggestions(
  change: { readonly subject?: string | null; readonly isInactive?: boolean } = {},
) {
  const { subject = dana.subject } = change;
  const services = {
    people: {
      subjectOf: async () => subject,
      actorOf: async () => {
        if (change.isInactive) {
          throw new PersonInactive({ name: "Dana" });
        }
        return dana;
      },
    },
    releases: {
      list: async () => ({
        items: [
          { number: 112, sourceBranch: "uat", destinationBranch: "master", status: "rolled_back" },
          {
            number: 12,
            sourceBranch: null,
            destinationBranch: null,
            fromEnvironment: "preprod",
            targetEnvironment: "prod",
            status: "approved",
          },
        ],
      }),
    },
    deployments: {
      list: async () => ({ items: [{ number: 7, environment: "prod", status: "running" }] }),
    },
    catalog: {
      listServices: async (_: unknown, { text = "" }: { readonly text?: string }) => ({
        items: ["auth-service", "oauth-proxy", "billing"]
          .filter((name) => name.includes(text))
          .map((name) => ({ name })),
      }),
    },
    installation: {
      environments: [{ name: "preprod" }, { name: "prod" }],
      signOffRoles: ["dev", "qa"],
    },
    can: (_: unknown, permission: string) => permission !== "deployment.request",
  };
  return createSuggestions({ services: services as unknown as Services, commands });
}

describe(createSuggestions, () => {
  it.each([
    ["number", "", ["#112 uat → master (rolled back)", "#12 preprod → prod (approved)"]],
    ["number", "#12", ["#12 preprod → prod (approved)", "#112 uat → master (rolled back)"]],
    ["number", "preprod", ["#12 preprod → prod (approved)"]],
    ["deployment", "7", ["#7 to prod (running)"]],
    ["environment", "PROD", ["prod", "preprod"]],
    ["service", "auth", ["auth-service", "oauth-proxy"]],
    ["repository", "bill", ["billing"]],
    ["role", "q", ["qa"]],
    ["command", "whoa", ["whoami"]],
    ["command", "deploy", ["deployment"]],
    ["weather", "", []],
  ])("of the kind %s fit %j", async (kind, typed, labels) => {
    const found = await suggestions().find(user, kind, typed);
    expect(found.map(({ label }) => label)).toEqual(labels);
  });

  it.each([
    ["who is not linked", suggestions({ subject: null }), user],
    ["who lost access", suggestions({ isInactive: true }), user],
    ["who comes from outside", suggestions(), { ...user, kind: "guest" as const }],
    ["who is a program", suggestions(), { ...user, kind: "bot" as const }],
  ])("tell nothing to somebody %s", async (_, asked, who) => {
    expect(await asked.find(who, "environment", "")).toEqual([]);
  });
});
