import { Asn1Error, decodeKept, type Kept, type Schema } from "@iot-esim/shared/asn1/schema";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { fromBase64 } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { RspRefusal } from "../status-code.ts";

/** Largest ASN.1 object inside a request. */
const MAX_OBJECT_LENGTH = 1 << 20;

/** The JSON object of a request; each reader refuses what is missing (1.6/2.2) or unfit (1.6/2.1). */
export class JsonBody {
	readonly #fields: Readonly<Record<string, unknown>>;

	constructor(fields: Readonly<Record<string, unknown>>) {
		this.#fields = fields;
	}

	/** Any JSON value. @throws RspRefusal formatInvalid (1.3.1/2.1) */
	static value(body: Uint8Array): unknown {
		try {
			return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
		} catch {
			throw new RspRefusal("formatInvalid", "the request is no JSON text");
		}
	}

	/** @throws RspRefusal formatInvalid (1.3.1/2.1) */
	static parse(body: Uint8Array): JsonBody {
		const value = JsonBody.value(body);
		if (typeof value !== "object" || value === null || Array.isArray(value)) {
			throw new RspRefusal("formatInvalid", "the request is no JSON object");
		}
		return new JsonBody(value as Record<string, unknown>);
	}

	/** A text, or undefined where it is absent or null. */
	optionalText(name: string): string | undefined {
		const value = this.#fields[name];
		if (value === undefined || value === null) return undefined;
		if (typeof value !== "string") throw new RspRefusal("elementInvalid", `${name} is no text`);
		return value;
	}

	text(name: string): string {
		const value = this.optionalText(name);
		if (value === undefined) throw new RspRefusal("elementMissing", `${name} is missing`);
		return value;
	}

	/** JSON booleans, and the texts that some clients send instead. */
	flag(name: string): boolean {
		const value = this.#fields[name];
		if (value === undefined || value === null) throw new RspRefusal("elementMissing", `${name} is missing`);
		if (value === true || value === "true") return true;
		if (value === false || value === "false") return false;
		throw new RspRefusal("elementInvalid", `${name} is neither true nor false`);
	}

	octets(name: string): Uint8Array {
		const text = this.text(name);
		try {
			return fromBase64(text);
		} catch (error) {
			if (error instanceof EsimError) throw new RspRefusal("elementInvalid", `${name} is no base64 text`);
			throw error;
		}
	}

	/** An ASN.1 object in base64. */
	object<T>(name: string, schema: Schema<T>): Kept<T> {
		const der = this.octets(name);
		try {
			if (der.length > MAX_OBJECT_LENGTH) throw new Asn1Error("ASN1_LIMIT", `${der.length} octets are too many`);
			return decodeKept(schema, der);
		} catch (error) {
			if (error instanceof Asn1Error) throw new RspRefusal("elementInvalid", `${name}: ${error.message}`);
			throw error;
		}
	}

	/** A transaction identifier; one that cannot be any is as unknown as another one that is not ours. */
	transactionId(): Uint8Array {
		const text = this.text("transactionId");
		try {
			return TransactionId.toBytes(TransactionId(text));
		} catch (error) {
			if (error instanceof EsimError) throw new RspRefusal("transactionUnknown", error.message, text.slice(0, 64));
			throw error;
		}
	}

	/** `header.functionRequesterIdentifier` and `header.functionCallIdentifier` of ES2+, joined; undefined without both. */
	functionCall(): string | undefined {
		const { functionRequesterIdentifier: requester, functionCallIdentifier: call } = this.#header();
		return typeof requester === "string" && typeof call === "string" ? `${requester}/${call}` : undefined;
	}

	/** `header.functionRequesterIdentifier`: who calls, by his own word. */
	requester(): string | undefined {
		const { functionRequesterIdentifier: requester } = this.#header();
		return typeof requester === "string" ? requester : undefined;
	}

	#header(): Readonly<Record<string, unknown>> {
		const { header } = this.#fields;
		return typeof header === "object" && header !== null ? { ...header } : {};
	}
}
