const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Values of the flower relation, one per state. */
export const flowers = words(`
  lily tulip violet daisy orchid iris poppy lotus jasmine lavender marigold peony dahlia lilac
  camellia magnolia hibiscus azalea begonia carnation crocus daffodil freesia gardenia geranium
  hyacinth primrose sunflower thistle zinnia`);

/** Values of the bird relation, one per state. */
export const birds = words(`
  robin eagle owl heron falcon swan crane sparrow raven hawk wren finch swallow pelican stork
  pigeon magpie cuckoo kingfisher lark osprey puffin quail starling thrush vulture warbler
  woodpecker albatross flamingo`);

/** Values of the dish relation, one per state. */
export const dishes = words(`
  stew curry dumplings porridge pancake omelet risotto goulash chowder kebab lasagna paella sushi
  tamales waffles falafel hummus gumbo meatballs pilaf quiche ravioli sausages tacos trout
  cutlets fritters casserole schnitzel ratatouille`);
