import { expect, it } from "vitest";
import { body } from "../../../../test/support/coap-bench.ts";
import { DatagramLine } from "../../../../test/support/datagram-line.ts";
import { FakeClock } from "../../../../test/support/fake-clock.ts";
import { SeededRandom } from "../../../../test/support/seeded-random.ts";
import { hex } from "../../util/bytes.ts";
import { Seconds } from "../../util/duration.ts";
import type { ProvenPeer } from "../datagram.ts";
import { BodyStore } from "./body-store.ts";
import { ExpiringCache } from "./expiring-cache.ts";
import { decodeMessage, encodeDatagram } from "./message.ts";
import { OPTION, textOptions, uintOption } from "./option.ts";
import { createCoapServer } from "./server.ts";

const sameHost = "203.0.113.1:9";

it.each([
	["from one host", {}],
	["from its own host, where it has proven its key", { remoteAddress: sameHost, proven: { pskIdentity: "device" } }],
	["from its own host, where it has a certificate", { remoteAddress: sameHost, proven: { publicKey: hex`30 01` } }],
])("strangers %s who leave their answers lying take the room of their own, and none of a device's", async (_, peer) => {
	const clock = new FakeClock();
	const random = new SeededRandom(1);
	const handler = () => ({ code: "2.05", payload: body(3000) }) as const;
	const server = createCoapServer({ clock, random, handler, maxBodies: 20_000 });
	const asks = (options: { remoteAddress?: string; proven?: ProvenPeer }) => {
		const line = new DatagramLine(clock);
		server.accept({ ...line.server, ...options });
		let messageId = 0;
		return async (path: string, block: number) => {
			const options = [...textOptions(OPTION.uriPath, [path]), uintOption(OPTION.block2, block * 16 + 6)];
			const request = { code: 2, token: hex``, options, payload: hex`` };
			line.client.send(encodeDatagram({ type: "confirmable", messageId: messageId++ }, request));
			await clock.advance(Seconds(1));
			return decodeMessage(line.from("server").at(-1) as Uint8Array).code;
		};
	};
	const device = asks({ remoteAddress: "198.51.100.7:1", ...peer });
	expect(await device("e", 0)).toBe(0x45);
	for (let port = 1; port <= 6; port++) {
		const stranger = asks({ remoteAddress: `203.0.113.1:${port}` });
		for (const path of ["a", "b", "c"]) await stranger(path, 0);
	}
	expect(await device("e", 1)).toBe(0x45);
	expect(await device("e", 2)).toBe(0x45);
});

it("of who has more than half the one not used for longest goes, else of all, and what has just come stays", () => {
	const limits = { lifetime: Seconds(60), maxEntries: 4, maxWeight: 10 };
	const cache = new ExpiringCache<string>({ clock: new FakeClock(), ...limits });
	cache.set("a1", "", 3, "a");
	cache.set("b1", "", 2, "b");
	cache.set("b2", "", 2, "b");
	cache.set("b3", "", 4, "b");
	const left = () => ["a1", "b1", "b2", "b3", "c1", "c2"].filter((key) => cache.get(key) !== undefined);
	expect(left()).toEqual(["a1", "b2", "b3"]);
	cache.set("c1", "", 10, "c");
	expect(left()).toEqual(["c1"]);
	for (const key of ["c2", "b1", "b2", "b3", "a1"]) cache.set(key, "", 0, key.slice(0, 1));
	expect([cache.size, left()]).toEqual([4, ["a1", "b2", "b3", "c2"]]);
});

it("a crowd behind one address keeps as much as others, up to the half", () => {
	const limits = { lifetime: Seconds(60), maxEntries: 100, maxWeight: 12 };
	const cache = new ExpiringCache<string>({ clock: new FakeClock(), ...limits });
	for (let host = 1; host <= 6; host++) cache.set(`alone ${host}`, "", 2, `host ${host}`);
	for (let peer = 1; peer <= 3; peer++) cache.set(`crowd ${peer}`, "", 2, "crowd");
	const left = ["alone 1", "alone 2", "alone 3", "alone 4", "crowd 1", "crowd 2", "crowd 3"];
	expect(left.map((key) => cache.get(key) !== undefined)).toEqual([false, false, false, true, true, true, true]);
});

it("a certificate that anybody can make gives no share of its own", () => {
	const limits = { clock: new FakeClock(), lifetime: Seconds(60), maxOctets: 10 };
	const [one, two] = [hex`30 01`, hex`30 02`].map((publicKey) => ({ remoteAddress: sameHost, proven: { publicKey } }));
	const ownersIn = (store: BodyStore) => [one, two].map((peer) => peer && store.ownerOf(peer));
	expect(new Set(ownersIn(new BodyStore(limits))).size).toBe(2);
	expect(new Set(ownersIn(new BodyStore({ ...limits, takesAnyKey: true }))).size).toBe(1);
});
