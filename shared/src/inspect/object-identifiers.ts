import { oid, rspRoleOid } from "../pki/oids.ts";
import { templateOf } from "../profile/templates/registry.ts";

const roles = Object.fromEntries(Object.entries(rspRoleOid).map(([role, dotted]) => [dotted, `id-rspRole-${role}`]));
const known = Object.fromEntries(Object.entries(oid).map(([name, dotted]) => [dotted, name]));

const others: Readonly<Record<string, string>> = {
	"1.2.840.10045.3.1.7": "P-256",
	"1.3.36.3.3.2.8.1.1.7": "brainpoolP256r1",
	"1.2.250.1.223.1.101.256.1": "FRP256v1",
	"2.5.4.7": "locality",
	"2.5.4.8": "stateOrProvince",
	"2.5.29.16": "privateKeyUsagePeriod",
	"1.3.6.1.5.5.7.1.1": "authorityInfoAccess",
	"2.23.146.1": "id-rsp",
};

/** "1.2.840.10045.4.3.2 (ecdsaWithSha256)"; the dotted form alone when it has no name here. */
export function namedOid(dotted: string): string {
	const name = nameOfOid(dotted);
	return name === undefined ? dotted : `${dotted} (${name})`;
}

export function nameOfOid(dotted: string): string | undefined {
	return roles[dotted] ?? known[dotted] ?? others[dotted] ?? templateName(dotted);
}

function templateName(dotted: string): string | undefined {
	const template = templateOf(dotted);
	return template && `template ${template.name}`;
}
