import net from "node:net";

/**
 * Unit tests may talk to this machine only: a test that reaches for the internet passes or fails with the weather.
 * Loaded by the test runner before every file.
 */
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function refuseOutside(this: net.Socket, ...args: unknown[]) {
  const options: unknown = Array.isArray(args[0]) ? args[0][0] : args[0];
  const host =
    typeof options === "object" && options !== null && "host" in options
      ? String(options.host)
      : undefined;
  if (host !== undefined && !/^(localhost|127\.\d+\.\d+\.\d+|::1|::ffff:127\.)/.test(host)) {
    throw new Error(`Network is refused in unit tests: ${host}`);
  }
  return Reflect.apply(connect, this, args) as net.Socket;
};
