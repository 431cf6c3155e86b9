import { describe, expect, it } from "vitest";
import { SignOffRefused } from "../../shared/errors/catalog.ts";
import { cardToText } from "./card-to-text.ts";
import { errorCard } from "./error-card.ts";

const remedy = "Ask Quinn to say `approve 1 as qa`.";

function say(reasons: readonly { reason: string; remedy: string }[], overall?: string): string {
  const error = new SignOffRefused(
    { reasons: reasons.map((each) => ({ code: "sign_off.one_role", ...each })) },
    overall === undefined ? {} : { remedy: overall },
  );
  return cardToText(errorCard(error));
}

describe(errorCard.name, () => {
  it("says a remedy once, beside its reason", () => {
    const words = say([{ reason: "One person fills one role.", remedy }], remedy);
    expect(words.split(remedy)).toHaveLength(2);
  });

  it("keeps a remedy that stands beside no reason", () => {
    const words = say([{ reason: "One person fills one role.", remedy }], "Say `why 1`.");
    expect(words).toContain(remedy);
    expect(words).toContain("Say `why 1`.");
  });

  it.each([
    ["locked by Olivia: inventory", `locked by Olivia: inventory. ${remedy}`],
    ["locked by Olivia: inventory!", `locked by Olivia: inventory! ${remedy}`],
    ['locked by Olivia: "Stop."', `locked by Olivia: "Stop." ${remedy}`],
  ])("ends the reason %j before the remedy begins", (reason, told) => {
    expect(say([{ reason, remedy }])).toContain(told);
  });
});
