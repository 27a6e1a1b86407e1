/**
 * What is masked: keys and constants of the network authentication (Ki, OP, OPc), PINs and PUKs, keys of security
 * domains and what their owners store in them, keys that protect a profile package, confirmation codes.
 */

/** Fields by their name alone: no other type has a harmless field of this name. */
const SECRET_FIELDS: ReadonlySet<string> = new Set([
	"pinValue",
	"pukValue",
	"keyData",
	"sdPersoData",
	"processData",
	"authenticationKey",
	"ssd",
	"hrpdAccessAuthenticationData",
	"simpleIPAuthenticationData",
	"mobileIPAuthenticationData",
	"ppkEnc",
	"ppkCmac",
	"initialMacChainingValue",
	"hashCc",
	"hashedConfirmationCode",
	"confirmationCode",
	"smdpSk",
]);

/** Fields that are secret in one type. */
const SECRET_IN: Readonly<Record<string, readonly string[]>> = { AlgoParameter: ["key", "opc"] };

/** Files that hold keys. */
const SECRET_FILES: ReadonlySet<string> = new Set([
	"ef-keys",
	"ef-keysPS",
	"ef-kc",
	"ef-kcgprs",
	"ef-gbabp",
	"ef-gbanl",
	"ef-nafkca",
	"ef-msk",
	"ef-muk",
	"ef-5gauthkeys",
	"ef-eapkeys",
	"ef-hidden-key",
	"ef-3gcik",
	"ef-spc",
	"ef-otapaspc",
	"ef-dck",
]);

/** True for a field whose octets, and those of everything below it, are secret. */
export function isSecretField(owner: string, field: string): boolean {
	return SECRET_FIELDS.has(field) || SECRET_FILES.has(field) || (SECRET_IN[owner]?.includes(field) ?? false);
}

/** True inside of a profile package: what is not understood there may be a key. */
export function isProfileType(typeName: string): boolean {
	return typeName === "ProfileElement" || typeName.startsWith("PE-") || PROFILE_TYPES.has(typeName);
}

const PROFILE_TYPES: ReadonlySet<string> = new Set([
	"ProfileHeader",
	"AlgoParameter",
	"PINConfiguration",
	"PUKConfiguration",
	"KeyObject",
	"ApplicationInstance",
	"ReplaceSessionKeysRequest",
]);

/** "16 octets, masked". */
export function maskedText(octets: number): string {
	return `•••••• (${octetsText(octets)}, masked)`;
}

export function octetsText(count: number): string {
	return count === 1 ? "1 octet" : `${count} octets`;
}
