/** Object identifiers of RSP certificates (SGP.22 annex H, SGP.14, RFC 5280). */

/** The role that a certificate policy of 2.23.146.1.2.1 stands for. */
export type RspRole = "ci" | "euicc" | "eum" | "dp-tls" | "dp-auth" | "dp-pb" | "ds-tls" | "ds-auth";

export const rspRoleOid: Readonly<Record<RspRole, string>> = {
	ci: "2.23.146.1.2.1.0",
	euicc: "2.23.146.1.2.1.1",
	eum: "2.23.146.1.2.1.2",
	"dp-tls": "2.23.146.1.2.1.3",
	"dp-auth": "2.23.146.1.2.1.4",
	"dp-pb": "2.23.146.1.2.1.5",
	"ds-tls": "2.23.146.1.2.1.6",
	"ds-auth": "2.23.146.1.2.1.7",
};

export const oid = {
	ecPublicKey: "1.2.840.10045.2.1",
	ecdsaWithSha256: "1.2.840.10045.4.3.2",
	commonName: "2.5.4.3",
	serialNumber: "2.5.4.5",
	country: "2.5.4.6",
	organization: "2.5.4.10",
	organizationalUnit: "2.5.4.11",
	subjectKeyIdentifier: "2.5.29.14",
	keyUsage: "2.5.29.15",
	subjectAltName: "2.5.29.17",
	basicConstraints: "2.5.29.19",
	crlNumber: "2.5.29.20",
	reasonCode: "2.5.29.21",
	issuingDistributionPoint: "2.5.29.28",
	nameConstraints: "2.5.29.30",
	crlDistributionPoints: "2.5.29.31",
	certificatePolicies: "2.5.29.32",
	authorityKeyIdentifier: "2.5.29.35",
	extendedKeyUsage: "2.5.29.37",
	serverAuth: "1.3.6.1.5.5.7.3.1",
	clientAuth: "1.3.6.1.5.5.7.3.2",
	permittedEins: "2.23.146.1.2.2.0",
	rspExpirationDate: "2.23.146.1.2.0.1",
	rspTotalPartialCrlNumber: "2.23.146.1.2.0.2",
	rspPartialCrlNumber: "2.23.146.1.2.0.3",
} as const;
