/** Leave to use the API. The key itself is shown once and never stored. */
export interface ApiKey {
	readonly id: string;
	readonly name: string;
	/** Reads only: every changing method is refused. */
	readonly readOnly: boolean;
	/** SHA-256 of the key, hex. */
	readonly hash: string;
	readonly createdAt: number;
	readonly lastUsedAt?: number;
	readonly revokedAt?: number;
}
