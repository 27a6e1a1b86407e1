import { SeededRandom } from "../support/seeded-random.ts";

/** What a seed decides: numbers, choices, octets. Each purpose draws from its own stream, so that they do not disturb one another. */
export class Draws extends SeededRandom {
	readonly #seed: number;

	constructor(seed: number) {
		super(seed);
		this.#seed = seed >>> 0;
	}

	/** An independent stream, the same for the same seed and name. */
	stream(name: string): Draws {
		let hash = this.#seed ^ 0x811c9dc5;
		for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
		return new Draws(Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) ^ this.#seed);
	}

	chance(probability: number): boolean {
		return this.next() < probability;
	}

	/** A whole number of at least `least`, at most `most`. */
	between(least: number, most: number): number {
		return least + this.below(most - least + 1);
	}

	/** At least 1, `mean` on average, most often small: how many times until something happens. */
	countdown(mean: number): number {
		return 1 + Math.floor(-Math.log(1 - this.next()) * mean);
	}
}
