import { coapDtlsLink } from "@iot-esim/ipa/esipa/coap-targets";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { DatagramChannel } from "@iot-esim/shared/transport/coap/datagram-channel";
import { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import { hex } from "@iot-esim/shared/util/bytes";
import { Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { closers, DtlsBench, features, SERVER } from "./dtls-bench.ts";

const key = { identity: "89049032123451234512345678901235", key: new TextEncoder().encode("0123456789abcdef") };
const NOTHING = hex`BF4F 03 020101`;

describe.skipIf(features === undefined)("a device that has another address", () => {
	it("leaves its DTLS session without a word, which nobody could read from there, and resumes it with the next message", async () => {
		const bench = new DtlsBench();
		const { clock, network, paths } = bench;
		await bench.listen({ trust: { kind: "none" }, keyOf: () => key.key });
		const parts = { clock, random: systemRandom };
		const link = coapDtlsLink(
			{ eimId: "eim", eimFqdn: SERVER.host, trustedTlsKey: undefined },
			{ ...parts, network, key, port: SERVER.port, path: ["e"], timeout: Seconds(30), maxBody: 1024, blockExponent: 6 },
		);
		closers.push(() => link.close());
		const handler = async () => ({ code: "2.04", payload: NOTHING });
		let served = 0;
		const serve = async (answer: Promise<Uint8Array>) => {
			while (paths.length <= served) await clock.advance(10);
			for (const path of paths.slice(served)) new CoapEndpoint(new DatagramChannel(path, parts), { ...parts, handler });
			served = paths.length;
			return clock.until(answer);
		};
		expect(await serve(link.exchange(hex`BF4F00`))).toEqual(NOTHING);
		await clock.advance(Seconds(1));
		const before = network.seen.length;
		network.rebind();
		link.renew?.();
		await clock.advance(Seconds(1));
		expect(network.seen.length).toBe(before);
		const asked = clock.now();
		expect(await serve(link.exchange(hex`BF4F00`))).toEqual(NOTHING);
		expect(paths.map((path) => path.isResumed)).toEqual([false, true]);
		expect(clock.now() - asked).toBeLessThan(Seconds(1));
		await clock.advance(Minutes(1));
		const said = network.seen.length;
		await link.close();
		await clock.advance(Seconds(1));
		// Where it can be read, the word is said: an alert.
		expect([network.seen[said]?.toServer, network.seen[said]?.datagram[0]]).toEqual([true, 21]);
	});
});
