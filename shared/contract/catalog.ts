import { z } from "zod";
import { pageOf } from "./common.ts";

/** A deployable thing. */
export const ServiceView = z
  .object({
    name: z.string(),
    repository: z.string(),
    path: z.string(),
    team: z.string().nullable(),
    owner: z.string().nullable(),
    channel: z.string().nullable(),
    dependsOn: z.array(z.string()),
    /** `declared` ones belong to config.yaml and are read-only here. */
    origin: z.enum(["discovered", "declared", "made"]),
  })
  .meta({ id: "Service" });
export type ServiceView = z.infer<typeof ServiceView>;
export const ServicePage = pageOf(ServiceView);

export const SaveService = z
  .object({
    name: z.string().trim().min(1).max(200),
    repository: z.string().trim().min(1).max(500),
    path: z.string().trim().max(500).default(""),
    team: z.string().max(200).nullable().default(null),
    owner: z.string().max(200).nullable().default(null),
    channel: z.string().max(200).nullable().default(null),
    dependsOn: z.array(z.string().min(1).max(200)).max(500).default([]),
  })
  .meta({ id: "SaveService" });
export type SaveService = z.infer<typeof SaveService>;

export const TeamView = z
  .object({
    name: z.string(),
    description: z.string(),
    channel: z.string().nullable(),
    members: z.array(z.string()),
    services: z.array(z.string()),
  })
  .meta({ id: "Team" });
export type TeamView = z.infer<typeof TeamView>;
export const TeamPage = pageOf(TeamView);

export const SaveTeam = z
  .object({
    name: z.string().trim().min(1).max(200),
    description: z.string().max(2_000).default(""),
    channel: z.string().max(200).nullable().default(null),
    members: z.array(z.string().min(1).max(200)).max(1_000).default([]),
  })
  .meta({ id: "SaveTeam" });
export type SaveTeam = z.infer<typeof SaveTeam>;
