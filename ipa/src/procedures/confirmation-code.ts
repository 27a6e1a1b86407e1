import { createHash } from "node:crypto";
import { utf8 } from "@iot-esim/shared/util/bytes";

/** hashCc of SGP.22 §5.7.5: SHA-256 over SHA-256 of the code and the identifier of the session. */
export function hashedConfirmationCode(confirmationCode: string, transactionId: Uint8Array): Uint8Array {
	const hashed = createHash("sha256").update(utf8(confirmationCode)).digest();
	return new Uint8Array(createHash("sha256").update(hashed).update(transactionId).digest());
}
