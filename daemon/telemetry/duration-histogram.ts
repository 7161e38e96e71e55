// SPDX-License-Identifier: Apache-2.0
import type { Metric, Registry } from 'prom-client';

export interface DurationHistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly labelName: string;
  /** Upper bounds of the buckets in seconds, ascending. */
  readonly bounds: readonly number[];
}

/** A line of the exposition, as prom-client writes it. */
interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/**
 * Durations by one label, counted as numbers in an array, and told as prom-client's own histogram would be when somebody
 * scrapes. That one checks, sorts and joins labels for each observation, and makes six objects.
 */
export class DurationHistogram {
  // What a registry asks of a metric.
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #labelName: string;
  readonly #bounds: readonly number[];
  /** By label value: how many fell into each bucket, the one without a bound last; behind them the sum of seconds. */
  readonly #series = new Map<string, Float64Array>();

  constructor(registry: Registry, { name, help, labelName, bounds }: DurationHistogramOptions) {
    this.name = name;
    this.help = help;
    this.#labelName = labelName;
    this.#bounds = bounds;
    // Its types know only metrics of its own classes.
    registry.registerMetric(this as unknown as Metric<string>);
  }

  /** Whoever observes keeps the label's values few. */
  observe(label: string, seconds: number): void {
    const bounds = this.#bounds;
    let series = this.#series.get(label);
    if (series === undefined) {
      series = new Float64Array(bounds.length + 2);
      this.#series.set(label, series);
    }
    let bucket = 0;
    // Most durations are in one of the first two: a search by halves would take longer.
    while (bucket < bounds.length && seconds > (bounds[bucket] as number)) bucket += 1;
    (series[bucket] as number) += 1;
    (series[bounds.length + 1] as number) += seconds;
  }

  async get() {
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values: [...this.#samples()] };
  }

  *#samples(): Iterable<Sample> {
    for (const [label, series] of this.#series) {
      const shared = { [this.#labelName]: label };
      let count = 0;
      for (const [bucket, le] of [...this.#bounds, '+Inf'].entries()) {
        count += series[bucket] as number;
        yield { metricName: `${this.name}_bucket`, labels: { le, ...shared }, value: count };
      }
      yield { metricName: `${this.name}_sum`, labels: shared, value: series[this.#bounds.length + 1] as number };
      yield { metricName: `${this.name}_count`, labels: shared, value: count };
    }
  }
}
