import { join } from "node:path";
import sqlite3 from "sqlite3";
import { newId } from "../lib/ids.ts";

/** A chat account and whose it is. */
export interface LinkedAccount {
  readonly platform: string;
  readonly workspace: string;
  readonly userId: string;
  readonly subject: string;
}

/** Links accounts as signing in behind a private link would, without a person who signs in so often. */
export async function linkAccounts(
  data: string,
  accounts: readonly LinkedAccount[],
): Promise<void> {
  const database = new sqlite3.Database(join(data, "slipway.db"));
  const now = new Date().toISOString();
  for (const { platform, workspace, userId, subject } of accounts) {
    await new Promise<void>((resolve, reject) => {
      database.run(
        "INSERT INTO accounts (id, platform, workspace, user_id, subject, linked_at) VALUES (?, ?, ?, ?, ?, ?)",
        [newId(), platform, workspace, userId, subject, now],
        (error) => (error ? reject(error) : resolve()),
      );
    });
  }
  await new Promise((resolve) => database.close(resolve));
}
