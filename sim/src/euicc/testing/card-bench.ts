import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { readTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { EUICCResponse } from "@iot-esim/shared/messages/pe/euicc-response";
import { ProfileElement } from "@iot-esim/shared/messages/pe/profile-element";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { concatBytes, fromHex, toHex } from "@iot-esim/shared/util/bytes";
import { makeTestPki, type TestPki } from "../../pki/test-pki.ts";
import { answered, plain, Status } from "../apdu/status.ts";
import { Card } from "../card.ts";
import { type BootstrapProfile, createCard, type PkiOfCard, personalisationOf } from "../create-card.ts";
import { FaultyDisk } from "../faults.ts";
import { ISD_R_AID } from "../isd-r.ts";
import { MemoryDisk } from "../nvm/disk.ts";
import { Nvm } from "../nvm/nvm.ts";
import type { Personalisation } from "../personalisation.ts";
import type { ProfileFileSystems } from "../profile-files.ts";

/** One test PKI per curve and process: making one takes a while, and nothing changes it. */
const pkis = new Map<string, TestPki>();

export function testPki(curve: "P-256" | "brainpoolP256r1" = "P-256"): TestPki {
	const pki = pkis.get(curve) ?? makeTestPki({ curve, random: systemRandom, now: systemClock.now() });
	pkis.set(curve, pki);
	return pki;
}

/** The shortest package that the stand-in file system below installs: a header and an end. */
export function tinyProfile(iccidDigits: string, connectivityParameters?: Uint8Array): Uint8Array {
	const header = encode(ProfileElement, {
		header: {
			"major-version": 2,
			"minor-version": 3,
			profileType: `Profile ${iccidDigits.slice(-3)}`,
			iccid: fromHex(iccidDigits),
			"eUICC-Mandatory-services": {},
			"eUICC-Mandatory-GFSTEList": [],
			...(connectivityParameters === undefined ? {} : { connectivityParameters }),
		},
	});
	return concatBytes(header, encode(ProfileElement, { end: { "end-header": { identification: 99 } } }));
}

/** ICCID digits as EF.ICCID and tag 5A have them. */
export function iccidOf(digits: string): Uint8Array {
	return fromHex(digits).map((octet) => ((octet & 0xf) << 4) | (octet >> 4));
}

/**
 * A stand-in for the files of profiles: installs what begins with a header and ends with an end element, answers SELECT
 * with 9000 and READ BINARY with the ICCID of the profile, so that tests see which profile the terminal talks to.
 */
export const headerFileSystems: ProfileFileSystems = {
	install(elements, storage) {
		const first = readTlv(elements, 0);
		const last = elements.subarray(-7);
		if (first.tag !== 0xa0 || last[0] !== 0xaa) return encode(EUICCResponse, { peStatus: [{ status: 3 }] });
		const { header } = decode(ProfileElement, tlvBytes(elements, first)) as { header: { iccid: Uint8Array } };
		storage.put("iccid", header.iccid);
		return undefined;
	},
	open: (storage) => ({
		openSession: () => ({
			transmit: ({ ins }) => {
				if (ins === 0xa4) return plain(Status.ok);
				if (ins === 0xb0) return answered(storage.get("iccid") ?? new Uint8Array(0));
				return plain(Status.instructionNotSupported);
			},
		}),
	}),
};

export interface BenchOptions {
	readonly pkis?: readonly (PkiOfCard & Pick<TestPki, "eid" | "dpPb">)[];
	readonly card?: Partial<Omit<Personalisation, "eid" | "ciCertificates" | "credentials">>;
	readonly profiles?: readonly BootstrapProfile[];
	readonly fileSystems?: ProfileFileSystems;
}

/** A card with its memory in reach, and a terminal that talks to it. */
export class CardBench {
	readonly disk = new FaultyDisk(new MemoryDisk());
	readonly pki: PkiOfCard & Pick<TestPki, "eid" | "dpPb">;
	readonly #fileSystems: ProfileFileSystems;
	readonly errors: unknown[] = [];
	card: Card;

	constructor(options: BenchOptions = {}) {
		const chosen = options.pkis ?? [testPki()];
		this.pki = chosen[0] ?? testPki();
		this.#fileSystems = options.fileSystems ?? headerFileSystems;
		const nvm = new Nvm(this.disk);
		createCard(nvm, personalisationOf(chosen, options.card), this.#fileSystems, options.profiles);
		this.card = this.reopen();
	}

	/** The card as a new process would find it: everything but the medium is gone. */
	reopen(): Card {
		this.disk.restore();
		this.card = new Card({
			nvm: new Nvm(this.disk),
			fileSystems: this.#fileSystems,
			onError: (error) => this.errors.push(error),
		});
		return this.card;
	}

	/** Power on, channel 1, ISD-R. */
	async start(): Promise<this> {
		await this.card.powerOn();
		await this.send("0070000100");
		await this.send(`01A40400 10${toHex(ISD_R_AID)}`);
		return this;
	}

	/** Another life of the card: what is not durable is lost. */
	async restart(): Promise<this> {
		this.reopen();
		return this.start();
	}

	/** One command APDU in hex, its response in hex. */
	async send(apdu: string): Promise<string> {
		return toHex(await this.card.transmit(fromHex(apdu)));
	}

	/** One ES10 function on channel 1; the whole answer without status, and the last status word. */
	async es10(request: Uint8Array, blockSize = 255): Promise<{ data: Uint8Array; status: number }> {
		const blocks = Math.max(1, Math.ceil(request.length / blockSize));
		let response: Uint8Array = new Uint8Array(0);
		for (let i = 0; i < blocks; i++) {
			const block = request.subarray(i * blockSize, (i + 1) * blockSize);
			const head = Uint8Array.of(0x81, 0xe2, i === blocks - 1 ? 0x91 : 0x11, i, block.length);
			response = await this.card.transmit(concatBytes(head, block));
		}
		let data = response.subarray(0, -2);
		while (response.at(-2) === 0x61) {
			response = await this.card.transmit(Uint8Array.of(0x01, 0xc0, 0, 0, response.at(-1) as number));
			data = concatBytes(data, response.subarray(0, -2));
		}
		return { data, status: ((response.at(-2) as number) << 8) | (response.at(-1) as number) };
	}

	/** The answer to an ES10 request given in hex, in hex; fails the test on another status than 9000 or 91xx. */
	async ask(requestHex: string): Promise<string> {
		const { data, status } = await this.es10(fromHex(requestHex));
		if (status !== Status.ok && status >> 8 !== 0x91) throw new Error(`status ${status.toString(16)}`);
		return toHex(data);
	}
}
