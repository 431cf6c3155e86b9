import { render, screen } from "@testing-library/vue";
import userEvent from "@testing-library/user-event";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { AccountView } from "../../../../../shared/contract/accounts.ts";
import { answerWith, type Call } from "../../testing/fake-api.ts";
import SettingsAccounts from "./SettingsAccounts.vue";

const account: AccountView = {
  id: "account-1",
  platform: "mattermost",
  workspace: "chat.example.com",
  userId: "mm1",
  displayName: "Dana O",
  linkedAt: "2026-11-25T12:00:00.000Z",
};

let items: AccountView[];
let calls: readonly Call[];

beforeEach(() => {
  items = [account];
  calls = answerWith(({ method, path }) => {
    if (method === "DELETE" && path === "/api/v1/me/accounts/account-1") {
      items = [];
      return { status: 204 };
    }
    return { status: 200, body: { items, total: items.length } };
  });
});

describe("SettingsAccounts", () => {
  it("shows which accounts act for the person, and unlinks one", async () => {
    render(SettingsAccounts);
    await screen.findByText("Dana O");
    expect(screen.getByText("Mattermost")).toBeTruthy();

    await userEvent.click(screen.getByRole("button", { name: "Unlink Dana O" }));

    await screen.findByText("No chat account is linked.");
    expect(calls.filter(({ method }) => method === "DELETE")).toHaveLength(1);
  });

  it("says how to link one when there is none", async () => {
    items = [];
    render(SettingsAccounts);
    await screen.findByText("No chat account is linked.");
    expect(screen.getByText("link")).toBeTruthy();
  });

  it("says why one could not be unlinked, and keeps it", async () => {
    answerWith(({ method }) =>
      method === "DELETE"
        ? { status: 404, body: { status: 404, detail: "No such account.", remedy: "Look again." } }
        : { status: 200, body: { items, total: 1 } },
    );
    render(SettingsAccounts);
    await userEvent.click(await screen.findByRole("button", { name: "Unlink Dana O" }));
    await vi.waitFor(() => expect(screen.getByRole("alert").textContent).toContain("Look again."));
    expect(screen.getByText("Dana O")).toBeTruthy();
  });
});
