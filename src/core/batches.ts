/** Items of an asynchronous source, some together: to hand one on by itself takes longer than most work on it. */

/** Yield the items in arrays of `size`; only the last may be shorter, and none is empty. */
export async function* inBatches<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[]> {
  let batch: Item[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

export async function* oneByOne<Item>(batches: AsyncIterable<readonly Item[]>): AsyncGenerator<Item> {
  // By hand: `yield*` of an array waits three times for each item.
  for await (const batch of batches) for (const item of batch) yield item;
}
