// What the benchmark uses of Hubot.
export { Adapter, Robot, TextMessage, User } from "hubot";
