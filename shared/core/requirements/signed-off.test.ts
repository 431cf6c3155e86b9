import { describe, expect, it } from "vitest";
import { judgeSignOffs, NO_SIGN_OFF_POLICY, type SignOffFacts } from "../sign-off.ts";
import {
  buildDeployFacts,
  buildItem,
  buildSignOff,
  buildSignOffFacts,
  dana,
  minute,
  quinn,
  robin,
} from "../testing/build-facts.ts";
import { signedOff } from "./signed-off.ts";

function check(
  facts: Partial<SignOffFacts>,
  eligible = { dev: [dana, robin], qa: [quinn, robin] },
) {
  const all = buildSignOffFacts(facts);
  return signedOff.check(
    buildDeployFacts({ signOffs: judgeSignOffs(all), policy: all.policy, eligible }),
  );
}

const byDana = buildSignOff();
const byQuinn = buildSignOff({ signer: quinn, role: "qa", signedAt: minute(2) });

describe(signedOff.id, () => {
  it("is met when everybody signed", () => {
    expect(check({ signOffs: [byDana, byQuinn] })).toEqual({ state: "met", notes: [] });
  });

  it("is met, and says so, where nobody has to", () => {
    expect(check({ policy: NO_SIGN_OFF_POLICY })).toEqual({
      state: "met",
      notes: ["prod asks for no signatures."],
    });
  });

  it("refuses once per missing role and names who could sign", () => {
    expect(check({})).toEqual({
      state: "unmet",
      refusals: [
        {
          ok: false,
          code: "sign_off.missing",
          reason: "Release #12 lacks 1 signature as dev.",
          remedy: "Ask Dana or Robin to say `approve 12 as dev`.",
        },
        {
          ok: false,
          code: "sign_off.missing",
          reason: "Release #12 lacks 1 signature as qa.",
          remedy: "Ask Quinn or Robin to say `approve 12 as qa`.",
        },
      ],
    });
  });

  it("does not ask somebody who fills another role", () => {
    expect(check({ signOffs: [buildSignOff({ signer: robin })] })).toMatchObject({
      refusals: [{ remedy: "Ask Quinn to say `approve 12 as qa`." }],
    });
  });

  it("says whose signature went stale by what", () => {
    const items = [buildItem({ headSha: "head-2", patchIdentity: "patch-2" })];
    const current = { ...byQuinn, content: items };
    expect(check({ signOffs: [byDana, current], items })).toMatchObject({
      refusals: [
        {
          reason: "Release #12 lacks 1 signature as dev. Dana signed before auth-service changed.",
          remedy: "Ask Dana or Robin to say `approve 12 as dev`.",
        },
      ],
    });
  });

  it("says when nobody is left to ask", () => {
    expect(check({ signOffs: [byDana] }, { dev: [dana], qa: [dana] })).toMatchObject({
      refusals: [{ remedy: expect.stringContaining("give the role to somebody") }],
    });
  });

  it.each([
    ["creator", { creatorMayBeOnly: false }, "sign_off.creator_only"],
    ["author", { authorMayBeOnly: false }, "sign_off.author_only"],
  ])("refuses when only the %s signed", (_, rule, code) => {
    const outcome = check({
      policy: { ...NO_SIGN_OFF_POLICY, roles: { dev: 1 }, ...rule },
      signOffs: [byDana],
      creator: dana,
      authors: [{ subject: dana.subject, email: "dana@example.com" }],
    });
    expect(outcome).toMatchObject({
      refusals: [{ code, remedy: "Ask somebody else to say `approve 12 as dev`." }],
    });
  });
});
