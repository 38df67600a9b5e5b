// A fastify route behind @fastify/jwt, with its cache on. The task comes as one line on standard input.
import { generateKeyPairSync } from "node:crypto";
import { createInterface } from "node:readline";
import Fastify from "fastify";
import jwt from "@fastify/jwt";

const lines = createInterface({ input: process.stdin });
lines.on("close", () => process.exit(0));
lines.once("line", async (line) => {
  const task = JSON.parse(line);
  const app = Fastify();
  app.register(jwt, {
    secret: task.algorithm === "HS256" ? task.key : { public: task.key, private: unused(task.algorithm) },
    sign: { algorithm: task.algorithm },
    verify: {
      algorithms: [task.algorithm],
      allowedIss: task.issuer,
      allowedAud: task.audience,
      cache: true,
    },
  });
  const preHandler = (request) => request.jwtVerify();
  app.get("/", { preHandler }, async () => "Hello. You are authenticated!");
  console.log((await app.listen({ host: "127.0.0.1", port: 0 })).replace("http://", ""));
});

// It does not start without a key to sign with, which no one here asks for.
function unused(algorithm) {
  const { privateKey } =
    algorithm === "ES256"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync("rsa", { modulusLength: 2048 });
  return privateKey.export({ type: "pkcs8", format: "pem" });
}
