/** The ES9+' functions that an eIM calls (SGP.32 section 5.14, SGP.22 section 5.6), free of any encoding. */

/** What the SM-DP+ refused, in its own code. */
export interface Es9PlusRefusal {
	/** Subject and reason of SGP.22 section 5.2.6, for example `8.2.6`, `3.8`; absent in the ASN.1 binding. */
	readonly subjectCode?: string;
	readonly reasonCode?: string;
	readonly message?: string;
	/** The value of the ESipa error of this function that stands for it, in whatever version has one. */
	readonly esipaError: number;
	/** Name and number of the error in the ASN.1 binding, which has no subject and reason. */
	readonly code?: string;
	/** For operators: what the refusal means and what to do; absent where no table says it. */
	readonly meaning?: string;
}

/** An answer, or a refusal by the book. Anything else is an Es9PlusError. */
export type Es9PlusAnswer<T> =
	| ({ readonly kind: "ok" } & T)
	| { readonly kind: "refused"; readonly refusal: Es9PlusRefusal };

/** Octets as received: whole TLVs, except signatures and the key identifier, which are contents. */
export interface InitiateAuthenticationOk {
	readonly transactionId: Uint8Array;
	/** 30. */
	readonly serverSigned1: Uint8Array;
	/** 64 octets. */
	readonly serverSignature1: Uint8Array;
	/** Contents of the OCTET STRING. */
	readonly euiccCiPKIdToBeUsed: Uint8Array;
	/** 30. */
	readonly serverCertificate: Uint8Array;
}

export interface AuthenticateClientOk {
	readonly transactionId: Uint8Array;
	/** BF25. */
	readonly profileMetadata: Uint8Array;
	/** 30. */
	readonly smdpSigned2: Uint8Array;
	/** 64 octets. */
	readonly smdpSignature2: Uint8Array;
	/** 30. */
	readonly smdpCertificate: Uint8Array;
}

export interface GetBoundProfilePackageOk {
	readonly transactionId: Uint8Array;
	/** BF36. */
	readonly boundProfilePackage: Uint8Array;
}

/**
 * Calls to one SM-DP+ each; addresses are FQDNs with an optional port. Every method throws Es9PlusError when there is no
 * usable answer.
 */
export interface Es9PlusClient {
	initiateAuthentication(
		smdpAddress: string,
		request: {
			/** 16 octets. */
			readonly euiccChallenge: Uint8Array;
			/** BF20. */
			readonly euiccInfo1: Uint8Array;
		},
	): Promise<Es9PlusAnswer<InitiateAuthenticationOk>>;
	authenticateClient(
		smdpAddress: string,
		request: {
			readonly transactionId: Uint8Array;
			/** BF38. */
			readonly authenticateServerResponse: Uint8Array;
		},
	): Promise<Es9PlusAnswer<AuthenticateClientOk>>;
	getBoundProfilePackage(
		smdpAddress: string,
		request: {
			readonly transactionId: Uint8Array;
			/** BF21. */
			readonly prepareDownloadResponse: Uint8Array;
		},
	): Promise<Es9PlusAnswer<GetBoundProfilePackageOk>>;
	cancelSession(
		smdpAddress: string,
		request: {
			readonly transactionId: Uint8Array;
			/** BF41. */
			readonly cancelSessionResponse: Uint8Array;
		},
	): Promise<Es9PlusAnswer<unknown>>;
	/** @param pendingNotification BF37 or 30, as the eUICC signed it */
	handleNotification(address: string, pendingNotification: Uint8Array): Promise<void>;
}
