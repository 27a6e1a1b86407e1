import { fromHex, toHex } from "../util/bytes.ts";
import { IdError, shown } from "./errors.ts";

/** The identifier of an RSP session or of an eIM package: 1 to 16 octets, as upper-case hex (SGP.32 §6.4.1). */
export type TransactionId = string & { readonly __brand: "TransactionId" };

/**
 * Takes lower-case digits too and turns them into upper case.
 * @throws IdError ID_TRANSACTION_ID_INVALID
 */
function fromText(text: string): TransactionId {
	if (!/^([0-9A-Fa-f]{2}){1,16}$/.test(text)) {
		throw new IdError(
			"ID_TRANSACTION_ID_INVALID",
			`a transaction identifier has 2 to 32 hex digits, not ${shown(text)}`,
		);
	}
	return text.toUpperCase() as TransactionId;
}

export const TransactionId = Object.assign(fromText, {
	/**
	 * @throws IdError ID_TRANSACTION_ID_INVALID
	 */
	fromBytes(bytes: Uint8Array): TransactionId {
		if (bytes.length < 1 || bytes.length > 16) {
			throw new IdError(
				"ID_TRANSACTION_ID_INVALID",
				`a transaction identifier has 1 to 16 octets, not ${bytes.length}`,
			);
		}
		return toHex(bytes) as TransactionId;
	},

	toBytes: (id: TransactionId): Uint8Array => fromHex(id),

	/** True when `text` is a transaction identifier in upper-case hex. */
	is: (text: string): text is TransactionId => /^([0-9A-F]{2}){1,16}$/.test(text),
});
