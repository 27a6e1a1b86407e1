import { milenageOpc } from "../../crypto/aka/milenage.ts";
import { tuakTopc } from "../../crypto/aka/tuak.ts";
import type { SubscriberAlgorithm } from "../subscriber.ts";
import type { DescriptionReader } from "./description-reader.ts";

/** Parameters of PE-AKAParameter. */
export interface AuthenticationDescription {
	readonly key: Uint8Array;
	/** OPc, TOPc, or zeros for the test algorithm. */
	readonly opc: Uint8Array;
	/** Octets of RES. */
	readonly resLength: number;
	/** Iterations of Keccak, of TUAK only. */
	readonly keccakIterations: number;
}

const ALGORITHMS = ["milenage", "tuak", "usim-test"] as const;

/** Reads algorithm, ki, op or opc (for TUAK these are TOP and TOPc), resLength, keccakIterations. */
export function readAuthentication(reader: DescriptionReader): {
	algorithm: SubscriberAlgorithm;
	authentication: AuthenticationDescription;
} {
	const algorithm = reader.oneOf("algorithm", ALGORITHMS, "milenage");
	const key = algorithm === "tuak" ? reader.hex("ki", 16, 32) : reader.hex("ki", 16);
	const keccakIterations = reader.integer("keccakIterations", 1, 255, 1);
	const authentication = {
		key,
		keccakIterations,
		opc: readOperatorCode(reader, algorithm, key, keccakIterations),
		resLength: readResLength(reader, algorithm),
	};
	return { algorithm, authentication };
}

function readOperatorCode(
	reader: DescriptionReader,
	algorithm: SubscriberAlgorithm,
	key: Uint8Array,
	iterations: number,
): Uint8Array {
	const size = algorithm === "tuak" ? 32 : 16;
	const op = reader.optionalHex("op", size);
	const opc = reader.optionalHex("opc", size);
	if (algorithm === "usim-test") return opc ?? op ?? new Uint8Array(16);
	if (op && opc) throw reader.fail("opc", "must not be given together with op, from which it is derived");
	if (opc) return opc;
	if (!op) throw reader.fail("opc", `is missing: ${algorithm} needs op or opc (${size} octets)`);
	return algorithm === "tuak" ? tuakTopc(key, op, iterations) : milenageOpc(key, op);
}

const RES_LENGTHS: Readonly<Record<SubscriberAlgorithm, readonly number[]>> = {
	milenage: [8],
	tuak: [4, 8, 16],
	"usim-test": [4, 8, 16],
};

function readResLength(reader: DescriptionReader, algorithm: SubscriberAlgorithm): number {
	const allowed = RES_LENGTHS[algorithm];
	const length = reader.integer("resLength", 4, 16, algorithm === "usim-test" ? 16 : 8);
	if (!allowed.includes(length)) throw reader.fail("resLength", `must be ${allowed.join(" or ")} for ${algorithm}`);
	return length;
}
