/**
 * The broker of `npm run demo -- --transport mqtt`: embedded, with TLS and the access list of docs/operations/mqtt.md. For
 * real use take Mosquitto or another that clusters, keeps accounts and speaks MQTT 5.
 *
 *   broker.js --port 8883 --key key.pem --certificate certificate.pem --users users.json
 */

import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { parseArgs } from "node:util";
import { serverTlsOptions } from "@iot-esim/shared/transport/http/server";
import { Aedes, type AuthenticateError, type Client } from "aedes";

const PREFIX = "e1";
const EIM = "eim";

const { values } = parseArgs({
	options: {
		port: { type: "string", default: "8883" },
		key: { type: "string", default: "key.pem" },
		certificate: { type: "string", default: "certificate.pem" },
		users: { type: "string", default: "users.json" },
	},
});
const textOf = (file: string) => readFileSync(file, "utf8");
const users = JSON.parse(textOf(values.users)) as Readonly<Record<string, string>>;
const names = new WeakMap<Client, string>();

/** The eIM may do all below the prefix, a device may write upwards and read downwards for its own EID. */
function mayDo(client: Client | null, direction: "u" | "d", topic: string): boolean {
	const name = client === null ? undefined : names.get(client);
	if (name === undefined) return false;
	const shared = topic.replace(/^\$share\/[^/]+\//, "");
	if (name === EIM) return shared.startsWith(`${PREFIX}/`);
	const own = `${PREFIX}/${direction}/${name}`;
	return shared === own || shared.startsWith(`${own}/`);
}

const broker = await Aedes.createBroker({
	authenticate(client, name, password, done) {
		if (name !== undefined && Object.hasOwn(users, name) && users[name] === password?.toString()) {
			names.set(client, name);
			done(null, true);
		} else {
			const refused: AuthenticateError = Object.assign(new Error("bad user name or password"), { returnCode: 4 });
			done(refused, false);
		}
	},
	authorizePublish: (client, { topic }, done) =>
		done(mayDo(client, "u", topic) ? null : new Error(`may not write ${topic}`)),
	authorizeSubscribe: (client, subscription, done) =>
		done(null, mayDo(client, "d", subscription.topic) ? subscription : null),
});
const server = createServer(
	{
		...serverTlsOptions({ key: textOf(values.key), certificate: textOf(values.certificate) }),
		// Without it each exchange waits for delayed acknowledgements of TCP.
		noDelay: true,
	},
	(socket) => broker.handle(socket),
);
server.listen(Number(values.port), "127.0.0.1", () => {
	const { port } = server.address() as AddressInfo;
	process.stdout.write(`${JSON.stringify({ listening: { mqtt: `mqtts://127.0.0.1:${port}` } })}\n`);
});
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => process.exit(0));
