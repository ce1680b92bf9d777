const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** First names of story people who are called `she`. */
export const womenNames = words(`
  Mary Anna Emma Olivia Lucy Clara Nora Alice Rose Eva Ruth Helen Jane Laura Maria Nina Paula Sara
  Tessa Vera Wendy Zoe Amy Beth Carla Diana Ella Fiona Grace Hannah Iris Julia Kate Lena Mia Nadia
  Opal Petra Rita Sonia Tina Uma Viola Willa Yara Ada Bella Cora Dora Elsa`);

/** First names of story people who are called `he`. */
export const menNames = words(`
  John Paul Peter James Mark Luke Adam Ben Carl David Eric Frank George Henry Ian Jack Karl Leo
  Max Neil Oscar Pablo Ralph Sam Tom Victor Walter Alan Bruno Colin Dean Elias Felix Glen Hugo Ivan
  Joel Kevin Liam Martin Nick Owen Philip Ray Simon Theo Vince Will Yusuf Zack`);

/** Everybody who appears in stories; none of them is in the atlas. */
export const storyNames: readonly string[] = [...womenNames, ...menNames];

/** Speakers whose every statement is right. */
export const rightSpeakers = words('Alda Benno Corin Dessa Edvin Fenna');

/** Speakers whose every statement is wrong: they tell the fact of the rival state. */
export const wrongSpeakers = words('Garrick Hollis Ivo Jorun Kester Lunet');
