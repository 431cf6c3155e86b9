import { render, screen } from "@testing-library/vue";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import type { LinkRequestView } from "../../../../shared/contract/accounts.ts";
import { answerWith } from "../testing/fake-api.ts";
import LinkView from "./LinkView.vue";

const request: LinkRequestView = {
  platform: "mattermost",
  workspace: "chat.example.com",
  userId: "mm1",
  displayName: "dana.okafor",
  person: { subject: "sub-dana", username: "dana", name: "Dana Okafor" },
  expiresAt: "2026-11-25T12:10:00.000Z",
  isLinked: false,
};
const problem = (detail: string) => ({ status: 409, detail, remedy: "Say link again." });

describe("LinkView", () => {
  it("shows which account would be whose, and links it after a click only", async () => {
    const calls = answerWith(() => ({ status: 200, body: request }));
    render(LinkView, { props: { token: "t0k3n" } });
    await screen.findByText("dana.okafor");
    expect(screen.getByText("Mattermost account")).toBeTruthy();
    expect(screen.getByText("Dana Okafor")).toBeTruthy();
    expect(calls).toEqual([{ method: "GET", path: "/api/v1/links/t0k3n" }]);

    await userEvent.click(screen.getByRole("button", { name: "It is mine, link it" }));

    expect((await screen.findByRole("status")).textContent).toContain("Linked.");
    expect(calls.at(-1)).toEqual({ method: "POST", path: "/api/v1/links/t0k3n" });
    expect(screen.queryByRole("button")).toBeNull();
  });

  it("offers nothing when the link is worth nothing, and says what to do", async () => {
    answerWith(() => ({ status: 409, body: problem("This link was used already.") }));
    render(LinkView, { props: { token: "t0k3n" } });
    expect((await screen.findByRole("alert")).textContent).toContain("Say link again.");
    expect(screen.queryByRole("button")).toBeNull();
  });

  it("says why the click was refused", async () => {
    answerWith(({ method }) =>
      method === "POST"
        ? { status: 409, body: problem("This link is too old.") }
        : { status: 200, body: request },
    );
    render(LinkView, { props: { token: "t0k3n" } });
    await userEvent.click(await screen.findByRole("button", { name: "It is mine, link it" }));
    expect((await screen.findByRole("alert")).textContent).toContain("This link is too old.");
  });

  it("has nothing left to do for an account that is linked", async () => {
    answerWith(() => ({ status: 200, body: { ...request, isLinked: true } }));
    render(LinkView, { props: { token: "t0k3n" } });
    await screen.findByText("Linked.");
    expect(screen.queryByRole("button")).toBeNull();
  });
});
