// The lower bound of starting and of memory: a process that loads the main libraries of the product, opens a database and
// answers, and does nothing else.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import express from "express";
import { Sequelize } from "sequelize";
import sqlite3 from "sqlite3";
import { WebSocketServer } from "ws";
import { z } from "zod";

const data = process.env.SLIPWAY_DATA ?? ".";
mkdirSync(data, { recursive: true });
const sequelize = new Sequelize({
  dialect: "sqlite",
  dialectModule: sqlite3,
  storage: join(data, "bare.db"),
  logging: false,
});
await sequelize.query("SELECT 1");
z.object({ ready: z.boolean() });
const app = express();
app.get("/health/ready", (_request, response) => {
  response.json({ ready: true });
});
const server = app.listen(Number(process.env.SLIPWAY_PORT), "127.0.0.1");
new WebSocketServer({ server, path: "/room/socket" });
process.once("SIGTERM", () => process.exit(0));
