import { systemClock } from "@iot-esim/shared/runtime/clock";
import { keepVpcdCardConnected, listenForVpcdReaders, type VpcdCard } from "@iot-esim/shared/transport/vpcd";
import { concatBytes, hex, toHex } from "@iot-esim/shared/util/bytes";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import type { CardDriver } from "../card-channel.ts";
import { inProcessDriver } from "./in-process.ts";
import { driverFor } from "./open-driver.ts";
import { type PcscModule, pcscDriver } from "./pcsc.ts";
import { vpcdDriver, vpcdListenDriver } from "./vpcd-tcp.ts";

const ATR = hex`3B9F96801FC78031E073FE2111`;
const HERE = { host: "127.0.0.1", port: 0 };
const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0).reverse()) await close();
});

/** A card that writes down what happens to it, answers with an echo, and dies of the instruction DD. */
class EchoCard implements VpcdCard {
	readonly seen: string[] = [];
	#isPowered = false;

	atr(): Uint8Array {
		return ATR;
	}
	async powerOn(): Promise<Uint8Array> {
		this.#isPowered = true;
		this.seen.push("on");
		return ATR;
	}
	async powerOff(): Promise<void> {
		if (this.#isPowered) this.seen.push("off");
		this.#isPowered = false;
	}
	async reset(): Promise<Uint8Array> {
		this.seen.push("reset");
		return ATR;
	}
	async transmit(apdu: Uint8Array): Promise<Uint8Array> {
		if (apdu[1] === 0xdd) throw new Error("the card is dead");
		this.seen.push(toHex(apdu));
		return concatBytes(apdu, hex`9000`);
	}
}

/** PC/SC as the native package offers it, over the same card. */
function pcscOver(card: EchoCard): PcscModule {
	const pcscCard = {
		transmit: async (command: Buffer) => card.transmit(new Uint8Array(command)),
		reconnect: async () => {
			await card.reset();
			return 1;
		},
		getStatus: () => ({ atr: ATR }),
		disconnect: () => void card.powerOff(),
	};
	const reader = {
		name: "Test Reader 00",
		connect: async () => {
			await card.powerOn();
			return pcscCard;
		},
	};
	return {
		Context: class {
			listReaders = () => [reader];
			close(): void {}
		},
		SCARD_SHARE_EXCLUSIVE: 1,
		SCARD_PROTOCOL_T0: 1,
		SCARD_PROTOCOL_T1: 2,
		SCARD_RESET_CARD: 1,
	};
}

const makers: readonly [string, (card: EchoCard) => Promise<CardDriver>][] = [
	["in process", async (card) => inProcessDriver(card)],
	[
		"vpcd over TCP",
		async (card) => {
			const listener = await listenForVpcdReaders(HERE, () => card);
			closers.push(() => listener.close());
			return vpcdDriver({ address: listener.address, clock: systemClock });
		},
	],
	[
		"vpcd, the card connecting to us",
		async (card) =>
			vpcdListenDriver({
				address: HERE,
				clock: systemClock,
				connectTimeout: Seconds(5),
				onListening: (address) => {
					const connection = keepVpcdCardConnected({ address, card, clock: systemClock, retryAfter: Milliseconds(5) });
					closers.push(() => connection.stop());
				},
			}),
	],
	["PC/SC", async (card) => pcscDriver({ reader: "Test", load: async () => pcscOver(card) })],
];

describe.each(makers)("the card driver: %s", (_name, make) => {
	async function opened() {
		const card = new EchoCard();
		const driver = await make(card);
		closers.push(() => driver.close());
		await driver.open();
		return { card, driver };
	}

	it("powers the card on once, moves APDUs both ways, and powers it off", async () => {
		const { card, driver } = await opened();
		await driver.open();
		expect(toHex(await driver.transmit(hex`00A4040000`))).toBe("00A40400009000");
		await driver.close();
		await expect.poll(() => card.seen).toEqual(["on", "00A4040000", "off"]);
	});

	it("resets the card and gives its answer to reset", async () => {
		const { card, driver } = await opened();
		expect(toHex(await driver.reset())).toBe(toHex(ATR));
		expect(card.seen).toContain("reset");
	});

	it("carries the longest short command and the longest short answer", async () => {
		const { driver } = await opened();
		const apdu = concatBytes(hex`80E29100FF`, new Uint8Array(255).fill(5));
		expect(await driver.transmit(apdu)).toHaveLength(apdu.length + 2);
	});

	it("says that the link is lost when the card dies, and can be opened again", async () => {
		const { driver } = await opened();
		await expect(driver.transmit(hex`00DD000000`)).rejects.toMatchObject({ code: "CARD_LINK_LOST" });
		await driver.open();
		expect(toHex(await driver.transmit(hex`00A4000000`))).toBe("00A40000009000");
	});

	it("refuses commands before it is opened", async () => {
		const driver = await make(new EchoCard());
		await expect(driver.transmit(hex`00A4040000`)).rejects.toMatchObject({ code: "CARD_UNREACHABLE" });
	});
});

describe("drivers without a card", () => {
	it("say that nothing listens at the address", async () => {
		const driver = vpcdDriver({ address: { host: "127.0.0.1", port: 1 }, clock: systemClock });
		await expect(driver.open()).rejects.toMatchObject({ code: "CARD_UNREACHABLE" });
	});

	it("say that no card connected in time", async () => {
		const driver = vpcdListenDriver({ address: HERE, clock: systemClock, connectTimeout: Milliseconds(20) });
		closers.push(() => driver.close());
		await expect(driver.open()).rejects.toThrow("no card connected within 0.02 s");
	});

	it("name the readers that are there", async () => {
		const driver = pcscDriver({ reader: "Other", load: async () => pcscOver(new EchoCard()) });
		await expect(driver.open()).rejects.toThrow("no such reader; there are Test Reader 00");
	});

	it("say how to install PC/SC exactly where the package is missing", async () => {
		const packageName = "smartcard";
		const isInstalled = await import(packageName).then(
			() => true,
			() => false,
		);
		console.log(`the optional package smartcard is ${isInstalled ? "installed" : "absent"}`);
		const error = await pcscDriver({ reader: "no such reader" })
			.open()
			.catch((reason: unknown) => reason);
		expect(error).toMatchObject({ code: isInstalled ? "CARD_UNREACHABLE" : "CARD_PCSC_MISSING" });
	});
});

describe("the address of a card", () => {
	const options = { clock: systemClock, timeout: Seconds(1) };
	it.each([
		["vpcd://127.0.0.1:35963", "vpcd://127.0.0.1:35963", "modem"],
		["vpcd+listen://[::1]:35963", "vpcd+listen://[::1]:35963", "agent"],
		["pcsc:", "pcsc:", "agent"],
		["pcsc:Gemalto", "pcsc:Gemalto", "agent"],
	])("%s chooses the driver and who serves proactive commands", (address, name, proactive) => {
		const choice = driverFor(address, options);
		expect([choice.driver.name, choice.proactive]).toEqual([name, proactive]);
	});

	it.each(["", "127.0.0.1:35963", "vpcd://nohost", "serial:/dev/ttyUSB0"])(
		"%j is refused with the forms there are",
		(address) => {
			expect(() => driverFor(address, options)).toThrow("give vpcd://host:port");
		},
	);
});
