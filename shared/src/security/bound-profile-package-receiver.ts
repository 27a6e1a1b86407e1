import { Asn1Error } from "../asn1/errors.ts";
import { decode } from "../asn1/schema.ts";
import { InitialiseSecureChannelRequest, ReplaceSessionKeysRequest } from "../messages/sgp22/bound-profile-package.ts";
import { concatBytes } from "../util/bytes.ts";
import { type BspKeys, BspSession } from "./bsp.ts";
import { SecurityError } from "./errors.ts";

/** What the eUICC has to carry out, opened; commands come in this order, the last one once for each block. */
export type BppCommand =
	/** BF23 as received; the receiver goes on with the keys that `openChannel` gave. */
	| { readonly command: "initialiseSecureChannel"; readonly der: Uint8Array }
	/** BF24. */
	| { readonly command: "configureISDP"; readonly der: Uint8Array }
	/** BF25. */
	| { readonly command: "storeMetadata"; readonly der: Uint8Array }
	/** BF26; the receiver has already changed its keys. */
	| { readonly command: "replaceSessionKeys"; readonly der: Uint8Array }
	/** The next octets of the profile; profile elements may be cut anywhere. */
	| { readonly command: "loadProfileElements"; readonly octets: Uint8Array };

/** Names of the commands, as in BppCommandId of the ProfileInstallationResult. */
export type BppCommandName = BppCommand["command"];

export interface BppReceiverOptions {
	/**
	 * Checks InitialiseSecureChannel (signature, transaction, key usage) and derives the session keys; what it throws
	 * ends the package.
	 */
	readonly openChannel: (request: InitialiseSecureChannelRequest, der: Uint8Array) => BspKeys;
	/** Largest protected TLV in octets; 1036 when absent, since packages of 1008-octet chunks are in the field. */
	readonly maxProtectedTlvLength?: number;
}

const DEFAULT_MAX_PROTECTED_TLV_LENGTH = 1036;
const NOTHING = new Uint8Array(0);

type Sequence = 0xa0 | 0xa1 | 0xa2 | 0xa3;
const blockTag: Readonly<Record<Sequence, number>> = { 160: 0x87, 161: 0x88, 162: 0x87, 163: 0x86 };
const following: Readonly<Record<number, readonly number[]>> = {
	48931: [0xa0],
	160: [0xa1],
	161: [0xa2, 0xa3],
	162: [0xa3],
};

/**
 * The eUICC's side of a Bound Profile Package: takes its octets in segments of any cut, opens each block as soon as it
 * is whole. After an error the receiver is of no more use.
 */
export class BppReceiver {
	readonly #options: BppReceiverOptions;
	#pending: Uint8Array = NOTHING;
	/** Octets of BF36 not taken yet; undefined before its header. */
	#left: number | undefined;
	/** The part read last: 0xbf23, then the sequences. */
	#part: number | undefined;
	/** Octets of the current sequence not taken yet. */
	#sequenceLeft = 0;
	#collected: Uint8Array[] = [];
	#session: BspSession | undefined;

	constructor(options: BppReceiverOptions) {
		this.#options = options;
	}

	/** The command at which the package stands: the one to name in an error result. */
	get currentCommand(): BppCommandName {
		switch (this.#part) {
			case undefined:
				return "initialiseSecureChannel";
			case 0xbf23:
			case 0xa0:
				return "configureISDP";
			case 0xa1:
				return "storeMetadata";
			case 0xa2:
				return "replaceSessionKeys";
			default:
				return "loadProfileElements";
		}
	}

	/** True when the last octet of BF36 has been taken. */
	get isComplete(): boolean {
		return this.#left === 0;
	}

	/**
	 * Takes the next octets and gives the commands that became whole.
	 * @throws SecurityError SECURITY_BPP_STRUCTURE, SECURITY_BSP_STRUCTURE, SECURITY_BSP_MAC or SECURITY_BSP_PADDING,
	 *   and what `openChannel` throws
	 */
	receive(segment: Uint8Array): BppCommand[] {
		const commands: BppCommand[] = [];
		this.#pending = concatBytes(this.#pending, segment);
		while (this.#step(commands));
		return commands;
	}

	/** Takes one header or one TLV; false when more octets are needed. */
	#step(commands: BppCommand[]): boolean {
		if (this.#left === undefined) return this.#takePackageHeader();
		if (this.#left === 0) {
			if (this.#pending.length > 0) throw structure("octets follow after the end of the package");
			return false;
		}
		if (this.#sequenceLeft > 0) return this.#takeBlock(commands);
		if (this.#part === undefined) return this.#takeChannel(commands);
		return this.#takeSequenceHeader();
	}

	#takePackageHeader(): boolean {
		const header = headerOf(this.#pending);
		if (header === undefined) return false;
		if (header.tag !== 0xbf36) throw structure(`tag ${header.tag.toString(16)} where bf36 is expected`);
		this.#left = header.length;
		this.#pending = this.#pending.subarray(header.size);
		return true;
	}

	#takeChannel(commands: BppCommand[]): boolean {
		const der = this.#takeTlv(0xbf23, 1024);
		if (der === undefined) return false;
		let request: InitialiseSecureChannelRequest;
		try {
			request = decode(InitialiseSecureChannelRequest, der);
		} catch (cause) {
			if (!(cause instanceof Asn1Error)) throw cause;
			throw structure("InitialiseSecureChannel cannot be read", cause);
		}
		this.#session = new BspSession(this.#options.openChannel(request, der));
		this.#part = 0xbf23;
		commands.push({ command: "initialiseSecureChannel", der });
		return true;
	}

	#takeSequenceHeader(): boolean {
		const header = headerOf(this.#pending);
		if (header === undefined) return false;
		const allowed = following[this.#part as number] ?? [];
		if (!allowed.includes(header.tag) || header.length === 0) {
			const expected = allowed.map((tag) => tag.toString(16)).join(" or ");
			throw structure(`a part ${header.tag.toString(16)} of ${header.length} octets where ${expected} is expected`);
		}
		this.#count(header.size);
		this.#pending = this.#pending.subarray(header.size);
		if (header.length > (this.#left as number)) throw structure("a part is longer than the package");
		this.#part = header.tag;
		this.#sequenceLeft = header.length;
		return true;
	}

	#takeBlock(commands: BppCommand[]): boolean {
		const sequence = this.#part as Sequence;
		const tag = blockTag[sequence];
		const limit = this.#options.maxProtectedTlvLength ?? DEFAULT_MAX_PROTECTED_TLV_LENGTH;
		const block = this.#takeTlv(tag, limit);
		if (block === undefined) return false;
		if (block.length > this.#sequenceLeft) throw structure(`a block is longer than its part ${sequence.toString(16)}`);
		this.#sequenceLeft -= block.length;
		const session = this.#session as BspSession;
		const plaintext = sequence === 0xa1 ? session.verify(tag, block) : session.decrypt(tag, block);
		if (sequence === 0xa3) commands.push({ command: "loadProfileElements", octets: plaintext });
		else this.#collect(sequence, plaintext, commands);
		return true;
	}

	/** ConfigureISDP, StoreMetadata and ReplaceSessionKeys are whole when their sequence ends. */
	#collect(sequence: Exclude<Sequence, 0xa3>, plaintext: Uint8Array, commands: BppCommand[]): void {
		this.#collected.push(plaintext);
		if (this.#sequenceLeft > 0) return;
		const der = concatBytes(...this.#collected);
		this.#collected = [];
		if (sequence === 0xa0) commands.push({ command: "configureISDP", der });
		else if (sequence === 0xa1) commands.push({ command: "storeMetadata", der });
		else {
			this.#session = new BspSession(replacedKeys(der));
			commands.push({ command: "replaceSessionKeys", der });
		}
	}

	/** The next TLV once it is whole. */
	#takeTlv(tag: number, limit: number): Uint8Array | undefined {
		const header = headerOf(this.#pending);
		if (header === undefined) return undefined;
		const size = header.size + header.length;
		if (header.tag !== tag) {
			throw structure(`tag ${header.tag.toString(16)} where ${tag.toString(16)} is expected`);
		}
		if (size > limit) throw structure(`a block of ${size} octets, at most ${limit} are allowed`);
		if (this.#pending.length < size) return undefined;
		this.#count(size);
		const bytes = this.#pending.slice(0, size);
		this.#pending = this.#pending.subarray(size);
		return bytes;
	}

	#count(octets: number): void {
		this.#left = (this.#left as number) - octets;
		if (this.#left < 0) throw structure("a part is longer than the package");
	}
}

/** Tag, contents length and header size; undefined while the header is not whole. Its contents need not be there. */
function headerOf(bytes: Uint8Array): { tag: number; length: number; size: number } | undefined {
	let at = 0;
	let tag = bytes[at++] ?? 0;
	if ((tag & 0x1f) === 0x1f) tag = tag * 256 + (bytes[at++] ?? 0);
	const first = bytes[at++] ?? 0;
	const lengthSize = first < 0x80 ? 0 : first & 0x7f;
	if (first === 0x80 || lengthSize > 4) throw structure("a length cannot be read");
	if (at + lengthSize > bytes.length) return undefined;
	const length = bytes.subarray(at, at + lengthSize).reduce((value, octet) => value * 256 + octet, 0);
	return { tag, length: first < 0x80 ? first : length, size: at + lengthSize };
}

function replacedKeys(der: Uint8Array): BspKeys {
	try {
		const request = decode(ReplaceSessionKeysRequest, der);
		const keys = { senc: request.ppkEnc, smac: request.ppkCmac, initialMcv: request.initialMacChainingValue };
		if (Object.values(keys).every((key) => key.length === 16)) return keys;
	} catch (cause) {
		if (!(cause instanceof Asn1Error)) throw cause;
		throw structure("ReplaceSessionKeys cannot be read", cause);
	}
	throw structure("ReplaceSessionKeys carries keys of another length than 16 octets");
}

function structure(reason: string, cause?: unknown): SecurityError {
	return new SecurityError("SECURITY_BPP_STRUCTURE", `the Bound Profile Package is broken: ${reason}`, { cause });
}
