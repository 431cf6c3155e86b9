import { joinWords, pluralise } from "../../lib/text.ts";
import type { RoleState } from "../sign-off.ts";
import { no, type Refusal } from "../verdict.ts";
import { met, metUnless, type DeployFacts, type Requirement } from "./requirement.ts";

export const signedOff: Requirement<DeployFacts> = {
  id: "signed-off",
  title: "The right people signed exactly this",
  check(facts) {
    const { roles, violations } = facts.signOffs;
    if (roles.length === 0) {
      return met(`${facts.environment.name} asks for no signatures.`);
    }
    const missing = roles.filter((role) => role.missing > 0).map((role) => refuse(role, facts));
    // Whose signatures they are only matters once they are complete.
    return metUnless(
      missing.length > 0 ? missing : violations.map((rule) => refuseViolation(rule, facts)),
    );
  },
};

function refuse(role: RoleState, facts: DeployFacts): Refusal {
  const { number } = facts.release;
  const stale = facts.signOffs.signOffs.filter(
    ({ signOff, judgement }) => signOff.role === role.role && judgement.state === "stale",
  );
  const changed = [
    ...new Set(
      stale.flatMap(({ judgement }) =>
        judgement.state === "stale" ? judgement.delta.map((delta) => delta.service) : [],
      ),
    ),
  ].sort();
  const since =
    stale.length > 0
      ? ` ${joinWords(stale.map(({ signOff }) => signOff.signer.name))} signed before ${joinWords(changed)} changed.`
      : "";
  const people = couldSign(role.role, facts);
  const say = `\`approve ${number} as ${role.role}\``;
  return no(
    "sign_off.missing",
    `Release #${number} lacks ${pluralise(role.missing, "signature")} as ${role.role}.${since}`,
    people.length > 0
      ? `Ask ${joinWords(people, "or")} to say ${say}.`
      : `Nobody else may sign as ${role.role} now: give the role to somebody, who then says ${say}.`,
  );
}

/** Names of those who hold the role and have not signed already. */
function couldSign(role: string, facts: DeployFacts): readonly string[] {
  const taken = new Set(
    facts.signOffs.roles
      .filter((other) => facts.policy.oneRolePerPerson || other.role === role)
      .flatMap((other) => other.by.map((person) => person.subject)),
  );
  return (facts.eligible[role] ?? [])
    .filter((person) => !taken.has(person.subject))
    .map((person) => person.name);
}

function refuseViolation(rule: "creator_only" | "author_only", facts: DeployFacts): Refusal {
  const { number } = facts.release;
  const signers = [
    ...new Set(facts.signOffs.roles.flatMap((role) => role.by.map((person) => person.name))),
  ];
  const roles = facts.signOffs.roles.map((role) => role.role);
  const remedy = `Ask somebody else to say \`approve ${number} as ${roles[0] ?? ""}\`.`;
  return rule === "creator_only"
    ? no(
        "sign_off.creator_only",
        `Only ${joinWords(signers)}, who created release #${number}, signed it.`,
        remedy,
      )
    : no(
        "sign_off.author_only",
        `Only people who wrote commits of release #${number} signed it: ${joinWords(signers)}.`,
        remedy,
      );
}
