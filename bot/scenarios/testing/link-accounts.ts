import { join } from "node:path";
import sqlite3 from "sqlite3";
import { newId } from "../../../shared/lib/ids.ts";
import { samplePeople } from "../../../shared/sample/sample-people.ts";

/** A chat account and whose it is. */
export interface LinkedAccount {
  readonly platform: string;
  readonly workspace: string;
  readonly userId: string;
  /** A sample person. */
  readonly username: string;
}

/** Links accounts in the SQLite database of a running server, as signing in behind a private link would. */
export async function linkAccounts(
  data: string,
  accounts: readonly LinkedAccount[],
): Promise<void> {
  const database = new sqlite3.Database(join(data, "slipway.db"));
  // As the server writes a time: with the zone as an offset.
  const linkedAt = new Date().toISOString().replace("T", " ").replace("Z", " +00:00");
  for (const { platform, workspace, userId, username } of accounts) {
    const subject = samplePeople.find((person) => person.username === username)?.subject;
    await new Promise<void>((resolve, reject) => {
      database.run(
        "INSERT INTO accounts (id, platform, workspace, user_id, subject, linked_at) VALUES (?, ?, ?, ?, ?, ?)",
        [newId(), platform, workspace, userId, subject, linkedAt],
        (error) => (error ? reject(error) : resolve()),
      );
    });
  }
  await new Promise((resolve) => database.close(resolve));
}
